/** One pass over a request body: the ranges of its depth-1 members, and whatever the dialect's readers pick up on the way. */
import { OutriderError } from '../../../errors/table.ts';
import type { Attachments, Envelope, MemberRange, TextBytes } from '../envelope.ts';
import { JsonScanner } from './json-scanner.ts';
import { noText } from './text-tally.ts';

/** Reads one depth-1 member: the scanner is on its value and must be left behind it. */
export type MemberReader = (scanner: JsonScanner, envelope: BodyScan) => void;

interface KnownMember {
  name: string;
  bytes: Buffer;
  read: MemberReader;
}

/** The members a dialect reads. Naming one here also makes a duplicate of it a 400. */
export class MemberReaders {
  /** By length of the name: a look-up compares bytes and makes no string. */
  private readonly byLength: KnownMember[][] = [];

  constructor(members: Iterable<readonly [string, MemberReader]>) {
    for (const [name, read] of members) {
      const bytes = Buffer.from(name);
      (this.byLength[bytes.length] ??= []).push({ name, bytes, read });
    }
  }

  /** For the last key of the scanner. */
  find(scanner: JsonScanner): KnownMember | undefined {
    const members = this.byLength[scanner.keyEnd - scanner.keyStart];
    if (members !== undefined) for (const member of members) if (scanner.keyIs(member.bytes)) return member;
    return undefined;
  }
}

/** The envelope while it is filled. One object per request, all fields present from the start. */
export class BodyScan implements Envelope {
  body: Buffer;
  readonly members = new Map<string, MemberRange>();
  duplicates: MemberRange[] = NO_MEMBERS;
  model: string | undefined = undefined;
  stream = false;
  includeUsage: boolean | undefined = undefined;
  maxOutputTokens: number | undefined = undefined;
  choices = 1;
  text: TextBytes = noText();
  tokenIds = 0;
  /** Prompts in the body, where a dialect takes several. */
  prompts = 0;
  attachments: Attachments = { images: 0, audio: 0, files: 0, bytes: 0 };
  roles: Record<string, number> = {};
  userText: { start: number; end: number }[] = [];
  tools = false;
  serverTools = false;
  vision = false;
  jsonSchema = false;
  stateful = false;
  dispensable: string | undefined = undefined;
  stores = false;

  constructor(body: Buffer) {
    this.body = body;
  }
}

const NO_MEMBERS: MemberRange[] = [];

/** Scans run to their end without yielding, so one scanner serves the whole process. */
const shared = new JsonScanner();

const NO_READERS = new MemberReaders([]);

/** The members of a body that is ours, for splicing. */
export function membersOf(body: Buffer): Envelope {
  return scanBody(body, NO_READERS);
}

/** Validates `body` and fills an envelope. Throws OutriderError (400) naming what is wrong. */
export function scanBody(body: Buffer, readers: MemberReaders): BodyScan {
  const envelope = new BodyScan(body);
  const scanner = shared;
  scanner.open(body);
  try {
    if (!scanner.atObject()) scanner.fail('a JSON object');
    for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
      const start = scanner.keyStart - 1;
      if (scanner.keyEscaped) throw new OutriderError('escaped_member', { offset: start });
      const member = readers.find(scanner);
      const name = member === undefined ? scanner.keyText() : member.name;
      const valueStart = scanner.pos;
      const known = envelope.members.has(name);
      if (member === undefined) {
        scanner.value();
      } else {
        if (known) throw new OutriderError('duplicate_member', { member: name });
        member.read(scanner, envelope);
      }
      const range = { name, start, valueStart, end: scanner.lastEnd };
      if (known) {
        if (envelope.duplicates === NO_MEMBERS) envelope.duplicates = [];
        envelope.duplicates.push(range);
      } else {
        envelope.members.set(name, range);
      }
    }
    scanner.close();
  } finally {
    scanner.release();
  }
  return envelope;
}
