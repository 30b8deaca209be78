/** One call to a provider's batch API, beside all requests: bounded in time, and what comes back in memory or on the disk. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { type OwnCall, openOwnCall } from '../../dispatch/own-call.ts';
import type { Growing } from '../media/medium.ts';

export interface NativeCall extends OwnCall {
  /** Pieces in order, and how many bytes they are. */
  body?: { pieces: AsyncIterable<Buffer>; length: number; type: string };
  /** Where a good answer goes; unset: into memory. */
  into?: { content: Growing; maxBytes: number };
}

/** `status` 0: there was no answer. `body` is empty where it went to the disk. */
export interface NativeAnswer {
  status: number;
  body: string;
  retryAfter: string | undefined;
}

const MAX_BODY = 1024 * 1024;
const NONE: NativeAnswer = { status: 0, body: '', retryAfter: undefined };

/** Rejects only where the disk does. */
export async function callNative(call: NativeCall): Promise<NativeAnswer> {
  let response: IncomingMessage;
  try {
    response = await open(call);
  } catch {
    return NONE;
  }
  const status = response.statusCode ?? 0;
  const retryAfter = response.headers['retry-after'];
  if (call.into && status === 200) {
    const { content, maxBytes } = call.into;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      if (content.length + chunk.length > maxBytes) {
        response.destroy();
        throw new Error('the results of the provider are larger than the spool takes');
      }
      await content.append(chunk);
    }
    return { status, body: '', retryAfter };
  }
  try {
    return { status, body: await textOf(response), retryAfter };
  } catch {
    return NONE;
  }
}

function open({ body, ...call }: NativeCall): Promise<IncomingMessage> {
  const about = body ? ['Content-Type', body.type, 'Content-Length', String(body.length)] : [];
  return new Promise((resolve, reject) => {
    const request = openOwnCall({ ...call, headers: [...call.headers, ...about] });
    request.on('response', resolve);
    request.on('error', reject);
    if (body)
      Readable.from(body.pieces)
        .on('error', (error) => request.destroy(error))
        .pipe(request);
    else request.end();
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY) break;
    chunks.push(chunk);
  }
  response.destroy();
  return Buffer.concat(chunks).toString('utf8');
}
