/** Request members that every OpenAI generation endpoint shares. */
import { OutriderError } from '../../../errors/table.ts';
import type { BodyScan, MemberReader } from '../scan/body-scan.ts';
import type { JsonScanner } from '../scan/json-scanner.ts';
import { readBoolean, readInteger, readName, refuse } from '../scan/read-value.ts';

const INCLUDE_USAGE = Buffer.from('include_usage');

export const COMMON_MEMBERS: readonly (readonly [string, MemberReader])[] = [
  ['model', (scanner, envelope) => void (envelope.model = readName(scanner, 'model'))],
  ['stream', (scanner, envelope) => void (envelope.stream = readBoolean(scanner, 'stream') ?? false)],
  ['stream_options', readStreamOptions],
  ['n', (scanner, envelope) => readChoices(scanner, envelope, 'n')],
];

/** A cap on output. Some servers take -1 for "none". */
export function readCap(scanner: JsonScanner, member: string): number | undefined {
  const value = readInteger(scanner, member);
  return value === undefined || value < 0 ? undefined : value;
}

/** Keeps the largest count of parallel generations. */
export function readChoices(scanner: JsonScanner, envelope: BodyScan, member: string): void {
  const start = scanner.pos;
  const value = readInteger(scanner, member);
  if (value === undefined) return;
  if (value < 1) {
    scanner.pos = start;
    refuse(scanner, member, 'at least 1');
  }
  if (value > envelope.choices) envelope.choices = value;
}

function readStreamOptions(scanner: JsonScanner, envelope: BodyScan): void {
  if (scanner.atNull()) {
    scanner.value();
    return;
  }
  if (!scanner.atObject()) refuse(scanner, 'stream_options', 'an object');
  let seen = false;
  for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
    if (!scanner.keyIs(INCLUDE_USAGE)) {
      scanner.value();
      continue;
    }
    if (seen) throw new OutriderError('duplicate_member', { member: 'stream_options.include_usage' });
    seen = true;
    envelope.includeUsage = readBoolean(scanner, 'stream_options.include_usage');
  }
}
