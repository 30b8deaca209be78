/** The body of `POST /v1/chat/completions`. */
import { OutriderError } from '../../../errors/table.ts';
import type { Envelope } from '../envelope.ts';
import { type BodyScan, MemberReaders, scanBody } from '../scan/body-scan.ts';
import type { JsonScanner } from '../scan/json-scanner.ts';
import { readBoolean } from '../scan/read-value.ts';
import { tallyValue } from '../scan/text-tally.ts';
import { toolListReader } from '../scan/tool-list.ts';
import { readMessages } from './chat-messages.ts';
import { COMMON_MEMBERS, readCap } from './common-members.ts';

const TYPE = Buffer.from('type');
const JSON_SCHEMA = Buffer.from('json_schema');
const FUNCTION = Buffer.from('function');
const CUSTOM = Buffer.from('custom');

const READERS = new MemberReaders([
  ...COMMON_MEMBERS,
  ['messages', readMessages],
  ['tools', toolListReader((scanner) => scanner.stringIs(FUNCTION) || scanner.stringIs(CUSTOM))],
  ['functions', readFunctions],
  ['response_format', (scanner, envelope) => readFormat(scanner, envelope, 'response_format')],
  ['web_search_options', readServerTool],
  ['store', (scanner, envelope) => void (envelope.stateful ||= readBoolean(scanner, 'store') ?? false)],
  [
    // The newer name wins where a caller sends both.
    'max_completion_tokens',
    (scanner, envelope) =>
      void (envelope.maxOutputTokens = readCap(scanner, 'max_completion_tokens') ?? envelope.maxOutputTokens),
  ],
  [
    'max_tokens',
    (scanner, envelope) => {
      const cap = readCap(scanner, 'max_tokens');
      if (!envelope.members.has('max_completion_tokens') || envelope.maxOutputTokens === undefined) {
        envelope.maxOutputTokens = cap;
      }
    },
  ],
]);

export function readChatRequest(body: Buffer): Envelope {
  const envelope = scanBody(body, READERS);
  if (!envelope.members.has('messages')) {
    throw new OutriderError('missing_member', {
      member: 'messages',
      expected: 'send an array of messages, each with role and content',
    });
  }
  return envelope;
}

function readFunctions(scanner: JsonScanner, envelope: BodyScan): void {
  if (scanner.atArray()) {
    for (let more = scanner.enterArray(); more; more = scanner.nextElement()) {
      envelope.tools = true;
      tallyValue(scanner, envelope.text);
    }
  } else {
    scanner.value();
  }
}

/** `{type, ...}`. `member`: for errors. */
export function readFormat(scanner: JsonScanner, envelope: BodyScan, member: string): void {
  if (!scanner.atObject()) {
    scanner.value();
    return;
  }
  let type = false;
  for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
    if (!scanner.keyIs(TYPE) || !scanner.atString()) {
      tallyValue(scanner, envelope.text);
      continue;
    }
    if (type) throw new OutriderError('duplicate_member', { member: `${member}.type` });
    type = true;
    scanner.string();
    envelope.jsonSchema = scanner.stringIs(JSON_SCHEMA);
  }
}

function readServerTool(scanner: JsonScanner, envelope: BodyScan): void {
  if (!scanner.atNull()) envelope.serverTools = true;
  scanner.value();
}
