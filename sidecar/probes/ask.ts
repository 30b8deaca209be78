/** One GET to a provider of the configuration, beside all requests: bounded in time and size, on a connection of its own. */
import type { IncomingMessage } from 'node:http';
import { type OwnCall, openOwnCall } from '../dispatch/own-call.ts';

interface Question extends Omit<OwnCall, 'method' | 'signal'> {
  /** Bytes of the answer that are kept at most; the rest is not waited for. */
  maxBytes: number;
}

export type Answered =
  | { ok: true; status: number; body: string }
  /** `why`: the system's word for it, such as ECONNREFUSED, or Timeout. */
  | { ok: false; why: string };

/** Asks; never throws. */
export type AskUrl = (question: Question, signal: AbortSignal) => Promise<Answered>;

export const askUrl: AskUrl = (question, signal) => {
  const { maxBytes, ...call } = question;
  return new Promise((resolve) => {
    const fail = (error: Error & { code?: string }): void => {
      const timedOut = error.name === 'AbortError' || error.code === 'ABORT_ERR';
      resolve({ ok: false, why: timedOut ? 'Timeout' : (error.code ?? 'Error') });
    };
    try {
      const request = openOwnCall({ ...call, method: 'GET', signal });
      request.on('response', (response: IncomingMessage) => {
        void readBody(response, maxBytes).then(
          (body) => resolve({ ok: true, status: response.statusCode ?? 0, body }),
          fail,
        );
      });
      request.on('error', fail);
      request.end();
    } catch (error) {
      fail(error as Error);
    }
  });
};

async function readBody(response: IncomingMessage, most: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk.subarray(0, most - size));
    size += chunk.length;
    if (size >= most) break;
  }
  response.destroy();
  return Buffer.concat(chunks).toString('utf8');
}
