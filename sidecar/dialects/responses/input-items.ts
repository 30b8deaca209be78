/** `input` of a Responses request: roles, text by class, attachments, and references to what the vendor keeps. */

import { readContent } from '../openai/chat-messages.ts';
import type { BodyScan } from '../scan/body-scan.ts';
import type { JsonScanner } from '../scan/json-scanner.ts';
import { refuse } from '../scan/read-value.ts';
import { tallyString, tallyValue } from '../scan/text-tally.ts';

const key = (name: string) => Buffer.from(name);
const ID = key('id');
const TYPE = key('type');
const ROLE = key('role');
const CONTENT = key('content');
const OUTPUT = key('output');
const ENCRYPTED = key('encrypted_content');
const REFERENCE = key('item_reference');

/** Members whose strings reach the model. */
const TEXT_MEMBERS = ['arguments', 'input', 'name', 'summary'].map(key);

/** Roles of messages; others are counted together, so that no caller can invent keys. */
const ROLES = ['user', 'assistant', 'system', 'developer'].map((name) => [name, key(name)] as const);

/** Items that stand for a message of this role. */
const ITEM_ROLES = (
  [
    ['function_call', 'assistant'],
    ['custom_tool_call', 'assistant'],
    ['function_call_output', 'tool'],
    ['custom_tool_call_output', 'tool'],
  ] as const
).map(([type, role]) => [key(type), role] as const);

export function readInput(scanner: JsonScanner, envelope: BodyScan): void {
  if (scanner.atNull()) {
    scanner.value();
    return;
  }
  if (scanner.atString()) {
    readContent(scanner, envelope, 'input', 0);
    count(envelope, 'user');
    return;
  }
  if (!scanner.atArray()) refuse(scanner, 'input', 'a string or an array of items');
  let index = 0;
  for (let more = scanner.enterArray(); more; more = scanner.nextElement()) {
    if (!scanner.atObject()) refuse(scanner, `input[${index}]`, 'an object');
    readItem(scanner, envelope, index);
    index++;
  }
}

function readItem(scanner: JsonScanner, envelope: BodyScan, index: number): void {
  let role: string | undefined;
  let typed = false;
  let reference = false;
  let id = false;
  const firstRange = envelope.userText.length;
  for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
    if (scanner.keyIs(ROLE) && scanner.atString()) {
      scanner.string();
      role = roleOf(scanner);
    } else if (scanner.keyIs(TYPE)) {
      // `type: null` is how SDKs write an item reference without a type.
      typed = scanner.atString();
      scanner.value();
      if (!typed) continue;
      reference = scanner.stringIs(REFERENCE);
      for (const [type, stands] of ITEM_ROLES) if (scanner.stringIs(type)) role = stands;
    } else if (scanner.keyIs(CONTENT) || scanner.keyIs(OUTPUT)) {
      readContent(scanner, envelope, 'input', index);
    } else if (scanner.keyIs(ENCRYPTED) && scanner.atString()) {
      scanner.string();
      envelope.attachments.bytes += scanner.stringEnd - scanner.stringStart;
    } else if (scanner.keyIs(ID)) {
      id = scanner.atString();
      scanner.value();
    } else if (isTextMember(scanner)) {
      if (scanner.atString()) {
        scanner.string();
        tallyString(scanner, envelope.text);
      } else {
        tallyValue(scanner, envelope.text);
      }
    } else {
      scanner.value();
    }
  }
  if (role !== undefined) count(envelope, role);
  if (role !== 'user') envelope.userText.length = firstRange;
  if (reference || (id && !typed && role === undefined)) envelope.stateful = true;
}

function count(envelope: BodyScan, role: string): void {
  envelope.roles[role] = (envelope.roles[role] ?? 0) + 1;
}

function roleOf(scanner: JsonScanner): string {
  for (const [name, word] of ROLES) if (scanner.stringIs(word)) return name;
  return 'other';
}

function isTextMember(scanner: JsonScanner): boolean {
  for (const name of TEXT_MEMBERS) if (scanner.keyIs(name)) return true;
  return false;
}
