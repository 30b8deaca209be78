/** Takes `"usage":null` out of a stream event, so that the caller sees the stream it asked for. */
import { JsonScanner } from '../scan/json-scanner.ts';

const USAGE = Buffer.from('usage');
const scanner = new JsonScanner();

/**
 * The event without the depth-1 member `"usage":null` and its comma; the event itself where it has none. `data` is its
 * payload. Everything else stays as it is, line ends and other fields included.
 */
export function withoutUsageNull(event: Buffer, data: Buffer): Buffer {
  const range = findUsageNull(data);
  if (range === undefined) return event;
  if (data.buffer === event.buffer && within(event, data)) {
    const offset = data.byteOffset - event.byteOffset;
    return cut(event, offset + range.start, offset + range.end);
  }
  // The payload was joined from several lines: it goes out as one.
  return Buffer.concat([DATA, cut(data, range.start, range.end), END]);
}

const DATA = Buffer.from('data: ');
const END = Buffer.from('\n\n');

function findUsageNull(data: Buffer): { start: number; end: number } | undefined {
  if (data.indexOf('"usage"') < 0) return undefined;
  scanner.open(data, false);
  try {
    if (!scanner.atObject()) return undefined;
    let previousEnd = -1;
    for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
      const start = scanner.keyStart - 1;
      const found = scanner.keyIs(USAGE) && scanner.atNull();
      scanner.value();
      const end = scanner.lastEnd;
      if (!found) {
        previousEnd = end;
        continue;
      }
      // Its own comma is the one before it, or the one behind it where it comes first.
      if (previousEnd >= 0) return { start: previousEnd, end };
      return { start, end: scanner.nextMember() ? scanner.keyStart - 1 : end };
    }
    return undefined;
  } catch {
    return undefined;
  } finally {
    scanner.release();
  }
}

function within(event: Buffer, data: Buffer): boolean {
  return (
    data.byteOffset >= event.byteOffset && data.byteOffset + data.length <= event.byteOffset + event.length
  );
}

function cut(buf: Buffer, start: number, end: number): Buffer {
  return Buffer.concat([buf.subarray(0, start), buf.subarray(end)]);
}
