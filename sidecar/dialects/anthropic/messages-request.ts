/** The bodies of `POST /v1/messages` and `POST /v1/messages/count_tokens`. */
import { OutriderError } from '../../../errors/table.ts';
import type { Envelope } from '../envelope.ts';
import { type BodyScan, type MemberReader, MemberReaders, scanBody } from '../scan/body-scan.ts';
import type { JsonScanner } from '../scan/json-scanner.ts';
import { readBoolean, readInteger, readName, refuse } from '../scan/read-value.ts';
import { tallyValue } from '../scan/text-tally.ts';
import { toolListReader } from '../scan/tool-list.ts';
import { readMessages, readSystem } from './request-content.ts';
import { isClientTool } from './tool-types.ts';

const TYPE = Buffer.from('type');
const FORMAT = Buffer.from('format');
const JSON_SCHEMA = Buffer.from('json_schema');

const COMMON: readonly (readonly [string, MemberReader])[] = [
  ['model', (scanner, envelope) => void (envelope.model = readName(scanner, 'model'))],
  ['messages', readMessages],
  ['system', readSystem],
  ['tools', toolListReader((scanner) => isClientTool(scanner.stringText()))],
  ['mcp_servers', readServers],
  ['container', readState],
  ['thread', readThread],
  ['output_config', readOutputConfig],
  ['output_format', readFormat],
];

const MESSAGES = new MemberReaders([
  ...COMMON,
  ['stream', (scanner, envelope) => void (envelope.stream = readBoolean(scanner, 'stream') ?? false)],
  ['max_tokens', readMaxTokens],
]);
const COUNT_TOKENS = new MemberReaders(COMMON);

export function readMessagesRequest(body: Buffer): Envelope {
  const envelope = scanBody(body, MESSAGES);
  requireMessages(envelope);
  if (envelope.maxOutputTokens === undefined) {
    throw new OutriderError('missing_member', {
      member: 'max_tokens',
      expected: 'send the largest number of tokens the answer may have',
    });
  }
  return envelope;
}

export function readCountRequest(body: Buffer): Envelope {
  const envelope = scanBody(body, COUNT_TOKENS);
  requireMessages(envelope);
  return envelope;
}

function requireMessages(envelope: Envelope): void {
  if (!envelope.members.has('messages')) {
    throw new OutriderError('missing_member', {
      member: 'messages',
      expected: 'send an array of messages, each with role and content',
    });
  }
}

/** 0 fills the prompt cache and asks for no answer. */
function readMaxTokens(scanner: JsonScanner, envelope: BodyScan): void {
  const start = scanner.pos;
  const value = readInteger(scanner, 'max_tokens');
  if (value === undefined || value < 0) {
    scanner.pos = start;
    refuse(scanner, 'max_tokens', 'a whole number of tokens');
  }
  envelope.maxOutputTokens = value;
}

function readServers(scanner: JsonScanner, envelope: BodyScan): void {
  if (!scanner.atArray()) {
    scanner.value();
    return;
  }
  for (let more = scanner.enterArray(); more; more = scanner.nextElement()) {
    envelope.serverTools = true;
    scanner.value();
  }
}

/** A container or a thread is kept by the vendor, under the key that made it. */
function readState(scanner: JsonScanner, envelope: BodyScan): void {
  if (!scanner.atNull()) {
    envelope.stateful = true;
    envelope.serverTools = true;
  }
  scanner.value();
}

/** Its tool runner asks for a thread first, and goes on with whole conversations where there are none. */
function readThread(scanner: JsonScanner, envelope: BodyScan): void {
  if (!scanner.atNull()) envelope.dispensable = 'thread';
  readState(scanner, envelope);
}

function readOutputConfig(scanner: JsonScanner, envelope: BodyScan): void {
  if (!scanner.atObject()) {
    scanner.value();
    return;
  }
  let format = false;
  for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
    if (!scanner.keyIs(FORMAT)) {
      scanner.value();
      continue;
    }
    if (format) throw new OutriderError('duplicate_member', { member: 'output_config.format' });
    format = true;
    readFormat(scanner, envelope);
  }
}

function readFormat(scanner: JsonScanner, envelope: BodyScan): void {
  if (!scanner.atObject()) {
    scanner.value();
    return;
  }
  for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
    if (!scanner.keyIs(TYPE) || !scanner.atString()) {
      tallyValue(scanner, envelope.text);
      continue;
    }
    scanner.string();
    if (scanner.stringIs(JSON_SCHEMA)) envelope.jsonSchema = true;
  }
}
