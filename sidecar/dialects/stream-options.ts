/** Where `include_usage` stands, or could stand, inside a body's `stream_options`. */
import type { MemberRange } from './envelope.ts';
import { JsonScanner } from './scan/json-scanner.ts';

export type IncludeUsage =
  | { kind: 'Null' }
  /** Range of its value, in the body. */
  | { kind: 'Present'; start: number; end: number }
  /** `at`: right behind the opening brace. */
  | { kind: 'Absent'; at: number; empty: boolean };

const INCLUDE_USAGE = Buffer.from('include_usage');
const scanner = new JsonScanner();

/** `range`: the member `stream_options` of a body that has been scanned, so it is an object or null. */
export function readIncludeUsage(body: Buffer, range: MemberRange): IncludeUsage {
  const { valueStart } = range;
  scanner.open(body.subarray(valueStart, range.end), false);
  try {
    if (scanner.atNull()) return { kind: 'Null' };
    let empty = true;
    for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
      empty = false;
      const found = scanner.keyIs(INCLUDE_USAGE);
      const start = scanner.pos;
      scanner.value();
      if (found) return { kind: 'Present', start: valueStart + start, end: valueStart + scanner.lastEnd };
    }
    return { kind: 'Absent', at: valueStart + 1, empty };
  } finally {
    scanner.release();
  }
}
