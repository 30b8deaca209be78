/**
 * Posts batches of spans to a collector: OTLP over HTTP, as Protocol Buffers, over one connection that is kept. What the
 * collector asks to be sent again is, with growing pauses, for as long as one export may take.
 */
import { readFileSync } from 'node:fs';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { promisify } from 'node:util';
import { addressOf } from '../dispatch/address.ts';
import type { TraceSettings } from './trace-settings.ts';

export type ExporterSettings = Pick<TraceSettings, 'url' | 'timeoutMs' | 'headers' | 'gzip' | 'files'>;

/** Answers that mean "later", as OTLP lists them; a connection that fails means the same. */
const LATER = new Set([429, 502, 503, 504]);
const FIRST_PAUSE_MS = 1000;
const GROWTH = 1.5;

/** What became of one try; `afterMs` where it may be repeated, and the collector said when. */
type Tried = 'Taken' | 'Refused' | { afterMs: number | undefined };

export class OtlpExporter {
  readonly #settings: ExporterSettings;
  readonly #options: https.RequestOptions;
  readonly #request: typeof http.request;

  /** Throws where a certificate or key cannot be read. */
  constructor(settings: ExporterSettings) {
    const { files } = settings;
    const url = new URL(settings.url);
    const { tls, host, port } = addressOf(url);
    const { pathname, search, username, password } = url;
    this.#settings = settings;
    this.#request = tls ? https.request : http.request;
    this.#options = {
      method: 'POST',
      host,
      port,
      path: pathname + search,
      agent: tls ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true }),
      ...(username !== '' && { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` }),
      ...(files.ca !== undefined && { ca: readFileSync(files.ca) }),
      ...(files.cert !== undefined && { cert: readFileSync(files.cert) }),
      ...(files.key !== undefined && { key: readFileSync(files.key) }),
    };
  }

  /** Resolves to whether the collector has taken the batch, at the latest when its time is over. Never rejects. */
  async send(batch: Buffer): Promise<boolean> {
    const deadline = performance.now() + this.#settings.timeoutMs;
    const body = this.#settings.gzip ? await gzip(batch) : batch;
    let pause = FIRST_PAUSE_MS;
    for (;;) {
      const tried = await this.#try(body, deadline - performance.now());
      if (tried === 'Taken') return true;
      if (tried === 'Refused') return false;
      // Sidecars that lost the same collector must not all come back at once.
      const wait = tried.afterMs ?? pause * (0.8 + 0.4 * Math.random());
      if (performance.now() + wait >= deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, wait).unref());
      pause *= GROWTH;
    }
  }

  #try(body: Buffer, timeoutMs: number): Promise<Tried> {
    return new Promise((resolve) => {
      const request: ClientRequest = this.#request({
        ...this.#options,
        headers: {
          'user-agent': 'outrider-sidecar',
          ...this.#settings.headers,
          'content-type': 'application/x-protobuf',
          'content-length': body.length,
          ...(this.#settings.gzip && { 'content-encoding': 'gzip' }),
        },
      });
      // A collector that never answers must not keep a process alive that wants to end.
      const timer = setTimeout(() => request.destroy(), timeoutMs).unref();
      const done = (tried: Tried): void => {
        clearTimeout(timer);
        resolve(tried);
      };
      request.on('response', (response) => {
        const status = response.statusCode ?? 0;
        // The connection goes back to the agent when the answer is read.
        response.resume();
        response.on('end', () => done(verdict(status, response)));
      });
      request.on('error', () => {});
      request.on('close', () => done({ afterMs: undefined }));
      request.end(body);
    });
  }
}

function verdict(status: number, response: IncomingMessage): Tried {
  if (status >= 200 && status <= 299) return 'Taken';
  if (!LATER.has(status)) return 'Refused';
  const seconds = /^\d{1,6}$/.exec(response.headers['retry-after'] ?? '')?.[0];
  return { afterMs: seconds === undefined ? undefined : Number(seconds) * 1000 };
}

async function gzip(batch: Buffer): Promise<Buffer> {
  const zlib = await import('node:zlib');
  return promisify(zlib.gzip)(batch);
}
