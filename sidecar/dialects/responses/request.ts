/** The body of `POST /v1/responses`. */
import { OutriderError } from '../../../errors/table.ts';
import type { Envelope } from '../envelope.ts';
import { readFormat } from '../openai/chat-request.ts';
import { readCap } from '../openai/common-members.ts';
import { type BodyScan, MemberReaders, scanBody } from '../scan/body-scan.ts';
import type { JsonScanner } from '../scan/json-scanner.ts';
import { readBoolean, readName } from '../scan/read-value.ts';
import { tallyValue } from '../scan/text-tally.ts';
import { toolListReader } from '../scan/tool-list.ts';
import { readInput } from './input-items.ts';

const key = (name: string) => Buffer.from(name);
const FORMAT = key('format');
const CONTAINER = key('container');

/** Members of a tool that name what lies with the vendor, under one account. */
const STORED = ['vector_store_ids', 'file_ids', 'container_id'].map(key);

/** Tools that the app runs. Everything else runs at the vendor. */
const LOCAL = [
  'function',
  'custom',
  'namespace',
  'local_shell',
  'apply_patch',
  'computer',
  'computer_use_preview',
].map(key);

/** References to what the vendor keeps, whatever they look like. */
const reference = (scanner: JsonScanner, envelope: BodyScan): void => {
  if (!scanner.atNull()) envelope.stateful = true;
  scanner.value();
};

const READERS = new MemberReaders([
  ['model', (scanner, envelope) => void (envelope.model = readName(scanner, 'model'))],
  ['stream', (scanner, envelope) => void (envelope.stream = readBoolean(scanner, 'stream') ?? false)],
  ['input', readInput],
  ['instructions', (scanner, envelope) => tallyValue(scanner, envelope.text)],
  ['tools', toolListReader((scanner) => LOCAL.some((word) => scanner.stringIs(word)), readToolMember)],
  ['text', readText],
  [
    'max_output_tokens',
    (scanner, envelope) => void (envelope.maxOutputTokens = readCap(scanner, 'max_output_tokens')),
  ],
  ['store', (scanner, envelope) => void (envelope.stores = readBoolean(scanner, 'store') ?? true)],
  [
    'background',
    (scanner, envelope) => void (envelope.stateful ||= readBoolean(scanner, 'background') ?? false),
  ],
  ['previous_response_id', reference],
  ['conversation', reference],
  ['prompt', reference],
]);

export function readResponsesRequest(body: Buffer): Envelope {
  const envelope = scanBody(body, READERS);
  if (!envelope.members.has('input') && !envelope.stateful) {
    throw new OutriderError('missing_member', {
      member: 'input',
      expected: 'send a string or an array of items',
    });
  }
  // Answers are kept unless the request says otherwise.
  if (!envelope.members.has('store')) envelope.stores = true;
  return envelope;
}

/** What names things that lie with the vendor. */
function readToolMember(scanner: JsonScanner, envelope: BodyScan): boolean {
  if (scanner.keyIs(CONTAINER)) {
    readContainer(scanner, envelope);
  } else if (STORED.some((name) => scanner.keyIs(name))) {
    reference(scanner, envelope);
  } else {
    return false;
  }
  return true;
}

/** The id of a container, or an object that may name files. */
function readContainer(scanner: JsonScanner, envelope: BodyScan): void {
  if (scanner.atString()) {
    reference(scanner, envelope);
  } else if (scanner.atObject()) {
    for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
      if (STORED.some((name) => scanner.keyIs(name))) reference(scanner, envelope);
      else scanner.value();
    }
  } else {
    scanner.value();
  }
}

/** `text.format.type`. */
function readText(scanner: JsonScanner, envelope: BodyScan): void {
  if (!scanner.atObject()) {
    scanner.value();
    return;
  }
  for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
    if (scanner.keyIs(FORMAT)) readFormat(scanner, envelope, 'text.format');
    else scanner.value();
  }
}
