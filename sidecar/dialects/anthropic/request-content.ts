/** `messages` and `system` of a request: roles, text by class, attachments, and where the user's own words are. */
import { OutriderError } from '../../../errors/table.ts';
import type { BodyScan } from '../scan/body-scan.ts';
import type { JsonScanner } from '../scan/json-scanner.ts';
import { refuse } from '../scan/read-value.ts';
import { addText, noText, tallyString, tallyValue } from '../scan/text-tally.ts';

const key = (name: string) => Buffer.from(name);
const ROLE = key('role');
const CONTENT = key('content');
const TYPE = key('type');
const TEXT = key('text');
const SOURCE = key('source');
const DATA = key('data');
const FILE_ID = key('file_id');
const IMAGE = key('image');
const DOCUMENT = key('document');
const TOOL_RESULT = key('tool_result');
const USER = key('user');
const ASSISTANT = key('assistant');
const SYSTEM = key('system');
/** Members of a block that reach the model as text. */
const WORDS = ['input', 'name', 'thinking', 'title', 'context', 'tool_name'].map(key);

export function readMessages(scanner: JsonScanner, envelope: BodyScan): void {
  if (!scanner.atArray()) refuse(scanner, 'messages', 'an array of messages');
  let index = 0;
  for (let more = scanner.enterArray(); more; more = scanner.nextElement()) {
    if (!scanner.atObject()) refuse(scanner, `messages[${index}]`, 'an object with role and content');
    readMessage(scanner, envelope, index);
    index++;
  }
}

/** A string or a list of text blocks; none of it is the user's. */
export function readSystem(scanner: JsonScanner, envelope: BodyScan): void {
  const first = envelope.userText.length;
  readContent(scanner, envelope, 'system', true);
  envelope.userText.length = first;
}

function readMessage(scanner: JsonScanner, envelope: BodyScan, index: number): void {
  let role: string | undefined;
  let content = false;
  let answers = false;
  const firstRange = envelope.userText.length;
  for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
    if (scanner.keyIs(ROLE)) {
      if (role !== undefined) duplicate(`messages[${index}].role`);
      if (!scanner.atString()) refuse(scanner, `messages[${index}].role`, 'a string');
      scanner.string();
      role = roleOf(scanner);
    } else if (scanner.keyIs(CONTENT)) {
      if (content) duplicate(`messages[${index}].content`);
      content = true;
      answers = readContent(scanner, envelope, `messages[${index}]`, true);
    } else {
      scanner.value();
    }
  }
  // A turn of nothing but tool results is the app's, not the user's.
  const name = role === 'user' && answers ? 'tool' : (role ?? 'other');
  envelope.roles[name] = (envelope.roles[name] ?? 0) + 1;
  // The role may come after the content, so ranges are taken first and dropped when they are not the user's.
  if (role !== 'user') envelope.userText.length = firstRange;
}

/** `own`: strings are what the author of the message wrote. True: it is a list of tool results only. */
function readContent(scanner: JsonScanner, envelope: BodyScan, where: string, own: boolean): boolean {
  if (scanner.atString()) {
    readText(scanner, envelope, own);
    return false;
  }
  if (!scanner.atArray()) {
    scanner.value();
    return false;
  }
  let results = 0;
  let blocks = 0;
  for (let more = scanner.enterArray(); more; more = scanner.nextElement()) {
    blocks++;
    if (!scanner.atObject()) tallyValue(scanner, envelope.text);
    else if (readBlock(scanner, envelope, where, own)) results++;
  }
  return blocks > 0 && results === blocks;
}

/** True: a tool result. */
function readBlock(scanner: JsonScanner, envelope: BodyScan, where: string, own: boolean): boolean {
  let type = false;
  let text = false;
  let result = false;
  let source = false;
  for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
    if (scanner.keyIs(TYPE) && scanner.atString()) {
      if (type) duplicate(`${where}.content[].type`);
      type = true;
      scanner.string();
      result = scanner.stringIs(TOOL_RESULT);
      if (scanner.stringIs(IMAGE)) {
        envelope.attachments.images++;
        envelope.vision = true;
      } else if (scanner.stringIs(DOCUMENT)) {
        envelope.attachments.files++;
      }
    } else if (scanner.keyIs(TEXT) && scanner.atString()) {
      if (text) duplicate(`${where}.content[].text`);
      text = true;
      readText(scanner, envelope, own);
    } else if (scanner.keyIs(CONTENT)) {
      readContent(scanner, envelope, where, false);
    } else if (scanner.keyIs(SOURCE) && scanner.atObject()) {
      if (source) duplicate(`${where}.content[].source`);
      source = true;
      readSource(scanner, envelope, where);
    } else if (scanner.keyIs(FILE_ID)) {
      readFileId(scanner, envelope);
    } else if (isWords(scanner)) {
      tallyValue(scanner, envelope.text);
    } else {
      scanner.value();
    }
  }
  return result;
}

/** Whether `data` is text or base64 is for the source's type to say, which may come behind it. */
function readSource(scanner: JsonScanner, envelope: BodyScan, where: string): void {
  const text = noText();
  let bytes = 0;
  let plain = false;
  let type = false;
  for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
    if (scanner.keyIs(TYPE) && scanner.atString()) {
      if (type) duplicate(`${where}.content[].source.type`);
      type = true;
      scanner.string();
      plain = scanner.stringIs(TEXT);
    } else if (scanner.keyIs(DATA) && scanner.atString()) {
      scanner.string();
      bytes += scanner.stringEnd - scanner.stringStart;
      tallyString(scanner, text);
    } else if (scanner.keyIs(CONTENT)) {
      readContent(scanner, envelope, where, false);
    } else if (scanner.keyIs(FILE_ID)) {
      readFileId(scanner, envelope);
    } else {
      scanner.value();
    }
  }
  if (plain) addText(envelope.text, text);
  else envelope.attachments.bytes += bytes;
}

/** An upload lies with one vendor and one key of it. */
function readFileId(scanner: JsonScanner, envelope: BodyScan): void {
  if (scanner.atString()) envelope.stateful = true;
  scanner.value();
}

function readText(scanner: JsonScanner, envelope: BodyScan, own: boolean): void {
  scanner.string();
  tallyString(scanner, envelope.text);
  if (own && scanner.stringEnd > scanner.stringStart) {
    envelope.userText.push({ start: scanner.stringStart, end: scanner.stringEnd });
  }
}

function isWords(scanner: JsonScanner): boolean {
  for (const name of WORDS) if (scanner.keyIs(name)) return true;
  return false;
}

function roleOf(scanner: JsonScanner): string {
  if (scanner.stringIs(USER)) return 'user';
  if (scanner.stringIs(ASSISTANT)) return 'assistant';
  return scanner.stringIs(SYSTEM) ? 'system' : 'other';
}

function duplicate(member: string): never {
  throw new OutriderError('duplicate_member', { member });
}
