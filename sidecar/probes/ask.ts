/** One GET to a provider of the configuration, beside all requests: bounded in time and size, on a connection of its own. */
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { createSecureContext, rootCertificates } from 'node:tls';
import { addressOf } from '../dispatch/address.ts';

interface Question {
  url: URL;
  /** Names and values in turn. */
  headers: readonly string[];
  /** PEM, besides the system roots. */
  caBundle: string | undefined;
  timeoutMs: number;
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
  const { url, headers, caBundle, timeoutMs } = question;
  const { tls, host, port } = addressOf(url);
  const options = {
    host,
    port,
    path: url.pathname + url.search,
    method: 'GET',
    headers: [
      'Host',
      url.host,
      'Accept',
      '*/*',
      'Accept-Encoding',
      'identity',
      'Connection',
      'close',
      ...headers,
    ],
    agent: false,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    ...(tls &&
      caBundle !== undefined && {
        secureContext: createSecureContext({ ca: [...rootCertificates, caBundle] }),
      }),
  } as const;
  return new Promise((resolve) => {
    const fail = (error: Error & { code?: string }): void => {
      const timedOut = error.name === 'AbortError' || error.code === 'ABORT_ERR';
      resolve({ ok: false, why: timedOut ? 'Timeout' : (error.code ?? 'Error') });
    };
    try {
      const request = (tls ? https : http).request(options, (response) => {
        void readBody(response, question.maxBytes).then(
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
