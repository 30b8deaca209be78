/** `messages` of a chat request: roles, text by class, attachments, and where the user's own words are. */
import { OutriderError } from '../../../errors/table.ts';
import type { TextBytes } from '../envelope.ts';
import type { BodyScan } from '../scan/body-scan.ts';
import type { JsonScanner } from '../scan/json-scanner.ts';
import { refuse } from '../scan/read-value.ts';
import { addText, noText, tallyString, tallyValue } from '../scan/text-tally.ts';

const ROLE = Buffer.from('role');
const CONTENT = Buffer.from('content');
const TYPE = Buffer.from('type');
const TEXT = Buffer.from('text');
const REFUSAL = Buffer.from('refusal');
const DATA = Buffer.from('data');
const FILE_DATA = Buffer.from('file_data');
const FILE_ID = Buffer.from('file_id');
const URL = Buffer.from('url');

/** Members of a message, besides content, whose strings reach the model. */
const TEXT_MEMBERS = ['name', 'tool_calls', 'function_call', 'reasoning_content', 'refusal'].map((name) =>
  Buffer.from(name),
);

/** Roles a message may have; others are counted together, so that no caller can invent keys. */
const ROLES = ['system', 'developer', 'user', 'assistant', 'tool', 'function'].map(
  (name) => [name, Buffer.from(name)] as const,
);

type PartKind = 'text' | 'image' | 'audio' | 'file' | 'other';
const PART_KINDS = (
  [
    ['text', 'text'],
    ['input_text', 'text'],
    ['output_text', 'text'],
    ['refusal', 'text'],
    ['thinking', 'text'],
    ['image_url', 'image'],
    ['input_image', 'image'],
    ['image', 'image'],
    ['input_audio', 'audio'],
    ['audio_url', 'audio'],
    ['audio', 'audio'],
    ['file', 'file'],
    ['input_file', 'file'],
    ['video_url', 'file'],
    ['document', 'file'],
  ] as const
).map(([word, kind]) => ({ word: Buffer.from(word), kind: kind as PartKind }));

export function readMessages(scanner: JsonScanner, envelope: BodyScan): void {
  if (!scanner.atArray()) refuse(scanner, 'messages', 'an array of messages');
  let index = 0;
  for (let more = scanner.enterArray(); more; more = scanner.nextElement()) {
    if (!scanner.atObject()) refuse(scanner, `messages[${index}]`, 'an object with role and content');
    readMessage(scanner, envelope, index);
    index++;
  }
}

function readMessage(scanner: JsonScanner, envelope: BodyScan, index: number): void {
  let role: string | undefined;
  let content = false;
  const firstRange = envelope.userText.length;
  for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
    if (scanner.keyIs(ROLE)) {
      if (role !== undefined) duplicate('messages', index, 'role');
      if (!scanner.atString()) refuse(scanner, `messages[${index}].role`, 'a string');
      scanner.string();
      role = roleOf(scanner);
    } else if (scanner.keyIs(CONTENT)) {
      if (content) duplicate('messages', index, 'content');
      content = true;
      readContent(scanner, envelope, 'messages', index);
    } else if (isTextMember(scanner)) {
      tallyValue(scanner, envelope.text);
    } else {
      scanner.value();
    }
  }
  const name = role ?? 'other';
  envelope.roles[name] = (envelope.roles[name] ?? 0) + 1;
  // The role may come after the content, so ranges are taken first and dropped when they are not the user's.
  if (name !== 'user') envelope.userText.length = firstRange;
}

/** Cursor on a string, on parts, or on anything else, which is stepped over. `list` and `index`: for errors. */
export function readContent(scanner: JsonScanner, envelope: BodyScan, list: string, index: number): void {
  if (scanner.atString()) {
    readText(scanner, envelope);
  } else if (scanner.atArray()) {
    for (let more = scanner.enterArray(); more; more = scanner.nextElement()) {
      if (scanner.atObject()) readPart(scanner, envelope, list, index);
      else if (scanner.atString()) readText(scanner, envelope);
      else scanner.value();
    }
  } else {
    scanner.value();
  }
}

function readText(scanner: JsonScanner, envelope: BodyScan): void {
  scanner.string();
  tallyString(scanner, envelope.text);
  if (scanner.stringEnd > scanner.stringStart) {
    envelope.userText.push({ start: scanner.stringStart, end: scanner.stringEnd });
  }
}

/** What lies in a part besides its text: counted apart, because the part's `type` may come last. */
class PartRest {
  text: TextBytes = noText();
  data = 0;
  fileId = false;
}

function readPart(scanner: JsonScanner, envelope: BodyScan, list: string, index: number): void {
  let kind: PartKind | undefined;
  let text = false;
  let rest: PartRest | undefined;
  for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
    if (scanner.keyIs(TYPE) && scanner.atString()) {
      if (kind !== undefined) duplicate(list, index, 'content[].type');
      scanner.string();
      kind = partKind(scanner);
    } else if (scanner.keyIs(TEXT) && scanner.atString()) {
      if (text) duplicate(list, index, 'content[].text');
      text = true;
      readText(scanner, envelope);
    } else if (scanner.keyIs(REFUSAL) && scanner.atString()) {
      scanner.string();
      tallyString(scanner, envelope.text);
    } else {
      rest ??= new PartRest();
      readRest(scanner, rest);
    }
  }
  const { attachments } = envelope;
  if (rest) attachments.bytes += rest.data;
  // A file that lies with one vendor, under one account.
  if (rest?.fileId && (kind === 'file' || kind === 'image')) envelope.stateful = true;
  if (kind === 'image') {
    attachments.images++;
    envelope.vision = true;
  } else if (kind === 'audio') {
    attachments.audio++;
  } else if (kind === 'file') {
    attachments.files++;
  } else if (rest) {
    addText(envelope.text, rest.text);
  }
}

/** Base64 goes by name (`data`, `file_data`) or as a data URL; it is never text. */
function readRest(scanner: JsonScanner, rest: PartRest): void {
  if (scanner.atString()) {
    const data = scanner.keyIs(DATA) || scanner.keyIs(FILE_DATA);
    const url = scanner.keyIs(URL);
    if (scanner.keyIs(FILE_ID)) rest.fileId = true;
    scanner.string();
    if (data || isDataUrl(scanner)) rest.data += scanner.stringEnd - scanner.stringStart;
    else if (!url) tallyString(scanner, rest.text);
  } else if (scanner.atObject()) {
    for (let more = scanner.enterObject(); more; more = scanner.nextMember()) readRest(scanner, rest);
  } else if (scanner.atArray()) {
    for (let more = scanner.enterArray(); more; more = scanner.nextElement()) readRest(scanner, rest);
  } else {
    scanner.value();
  }
}

function isDataUrl(scanner: JsonScanner): boolean {
  const at = scanner.stringStart;
  const buf = scanner.buf;
  return (
    scanner.stringEnd - at > 5 &&
    buf[at] === 0x64 && // "data:"
    buf[at + 1] === 0x61 &&
    buf[at + 2] === 0x74 &&
    buf[at + 3] === 0x61 &&
    buf[at + 4] === 0x3a
  );
}

function partKind(scanner: JsonScanner): PartKind {
  for (const { word, kind } of PART_KINDS) if (scanner.stringIs(word)) return kind;
  return 'other';
}

function roleOf(scanner: JsonScanner): string {
  for (const [name, word] of ROLES) if (scanner.stringIs(word)) return name;
  return 'other';
}

function isTextMember(scanner: JsonScanner): boolean {
  for (const name of TEXT_MEMBERS) if (scanner.keyIs(name)) return true;
  return false;
}

function duplicate(list: string, index: number, member: string): never {
  throw new OutriderError('duplicate_member', { member: `${list}[${index}].${member}` });
}
