/** Writes messages of the AWS event stream. */
import { crc32 } from 'node:zlib';

/** All headers are texts. */
export function eventStreamMessage(
  headers: Readonly<Record<string, string>>,
  payload: Buffer | string,
): Buffer {
  const written = Object.entries(headers).map(([name, value]) => {
    const head = Buffer.from([Buffer.byteLength(name), ...Buffer.from(name), 7, 0, 0]);
    head.writeUInt16BE(Buffer.byteLength(value), head.length - 2);
    return Buffer.concat([head, Buffer.from(value)]);
  });
  const headerBytes = Buffer.concat(written);
  const body = Buffer.from(payload);
  const message = Buffer.alloc(16 + headerBytes.length + body.length);
  message.writeUInt32BE(message.length, 0);
  message.writeUInt32BE(headerBytes.length, 4);
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
  headerBytes.copy(message, 12);
  body.copy(message, 12 + headerBytes.length);
  message.writeUInt32BE(crc32(message.subarray(0, message.length - 4)), message.length - 4);
  return message;
}

/** An event of a service, as JSON. */
export const eventMessage = (type: string, payload: unknown): Buffer =>
  eventStreamMessage(
    { ':event-type': type, ':content-type': 'application/json', ':message-type': 'event' },
    JSON.stringify(payload),
  );

/** An exception that ends the stream. */
export const exceptionMessage = (type: string, message: string): Buffer =>
  eventStreamMessage(
    { ':exception-type': type, ':content-type': 'application/json', ':message-type': 'exception' },
    JSON.stringify({ message }),
  );
