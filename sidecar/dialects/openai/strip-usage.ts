/** Takes a range out of the payload of a stream event, so that the caller sees the stream it asked for. */

const DATA = Buffer.from('data: ');
const END = Buffer.from('\n\n');

/** The event without bytes `start` to `end` of its payload `data`. Other fields and line ends stay as they are. */
export function cutOut(event: Buffer, data: Buffer, start: number, end: number): Buffer {
  const offset = data.byteOffset - event.byteOffset;
  const within = data.buffer === event.buffer && offset >= 0 && offset + data.length <= event.length;
  if (within) return without(event, offset + start, offset + end);
  // The payload was joined from several lines: it goes out as one.
  const line = without(data, start, end)
    .toString('latin1')
    .replace(/[\r\n]+/g, ' ');
  return Buffer.concat([DATA, Buffer.from(line, 'latin1'), END]);
}

function without(bytes: Buffer, start: number, end: number): Buffer {
  const kept = Buffer.allocUnsafe(bytes.length - (end - start));
  bytes.copy(kept, 0, 0, start);
  bytes.copy(kept, start, end);
  return kept;
}
