/** The endpoints of the sync server: who may ask for what, and what is answered. */
import { randomInt } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { OutriderError } from '../../errors/table.ts';
import {
  LEADER_HEADER,
  MAX_REPORT_BYTES,
  PROTOCOL_HEADER,
  PROTOCOL_VERSION,
  type Report,
  type ReportAnswer,
} from '../../sidecar/snapshot/messages.ts';
import type { Audience } from './audience.ts';
import { takeOver } from './bare-stream.ts';
import type { Authenticator, Identity } from './identity.ts';
import type { SyncMetrics } from './metrics.ts';
import type { LivePod } from './pods.ts';
import { ReportMalformed, readReport } from './report.ts';

export interface HandlerOptions {
  identity: Authenticator;
  isLeader: () => boolean;
  /** `host:port` of the leader; undefined while there is none. */
  leaderAddress: () => string | undefined;
  /** Counts the usage rows of a report, and shares out budgets. Unset: rows are taken for counted. */
  account?: (pod: LivePod, report: Report) => Promise<Accounted>;
  /** Shares out rates. Unset: nobody is told of any. */
  share?: (pod: LivePod, report: Report) => ReportAnswer['rates'];
  /** An answer failed for a reason that is no sidecar's fault. */
  onError?: (error: unknown) => void;
  /** Protocol version spoken; it and the one before are served. */
  protocol?: number;
}

const STREAM_HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' };

/** Nobody ever spoke an older one. */
const FIRST_PROTOCOL = 1;

/** Who asks, and the version it is talked to in. */
type Caller = Identity & { version: number };

/** Answers one request after another; knows nothing of sockets and certificates. */
export class Handler {
  readonly #options: HandlerOptions;
  readonly #audience: Audience;
  readonly #metrics: SyncMetrics;
  readonly #reportIntervalMs: number;
  readonly #protocol: number;

  constructor(options: HandlerOptions, audience: Audience, metrics: SyncMetrics, reportIntervalMs: number) {
    this.#options = options;
    this.#audience = audience;
    this.#metrics = metrics;
    this.#reportIntervalMs = reportIntervalMs;
    this.#protocol = options.protocol ?? PROTOCOL_VERSION;
  }

  /** @param bare the connection of a stream that is to be bare, as `answerTo` left it */
  async handle(req: IncomingMessage, res: ServerResponse, bare?: Socket): Promise<void> {
    res.setHeader(PROTOCOL_HEADER, this.#protocol);
    try {
      const identity = await this.#identify(req);
      if (res.destroyed) return;
      const version = this.#checkProtocol(req, identity);
      await this.#route(req, res, { ...identity, version }, bare);
    } catch (error) {
      const answer = toOutriderError(error);
      if (answer.code === 'sync_failed' && !res.destroyed) this.#options.onError?.(error);
      sendError(res, answer);
    }
  }

  async #identify(req: IncomingMessage): Promise<Identity> {
    const authentication = await this.#options.identity.authenticate(req.headers.authorization);
    if (authentication.ok) return authentication.identity;
    const { reason } = authentication;
    this.#metrics.authenticationFailed(reason);
    if (reason === 'Unverifiable') throw new OutriderError('identity_unverifiable', {}, 2_000);
    throw new OutriderError('identity_required', {
      reason: reason === 'Missing' ? 'none was sent' : 'the one sent was not accepted',
    });
  }

  /**
   * The version to talk: the caller's own, or ours where it is newer. A caller that does not state one, such as curl, is
   * taken at ours.
   */
  #checkProtocol(req: IncomingMessage, { pod }: Identity): number {
    const stated = req.headers[PROTOCOL_HEADER];
    if (stated === undefined) return this.#protocol;
    const version = /^\d{1,6}$/.test(String(stated)) ? Number(stated) : -1;
    const oldest = Math.max(FIRST_PROTOCOL, this.#protocol - 1);
    if (version >= oldest) return Math.min(version, this.#protocol);
    this.#audience.outdated(pod);
    this.#metrics.outdatedRefused(version);
    throw new OutriderError('protocol_too_old', { version, oldest });
  }

  async #route(
    req: IncomingMessage,
    res: ServerResponse,
    caller: Caller,
    bare: Socket | undefined,
  ): Promise<void> {
    const [path = ''] = (req.url ?? '').split('?', 1);
    const snapshot = /^\/v1\/snapshots\/([0-9a-f]{64})$/.exec(path);
    if (path === '/v1/report') {
      allow(req, 'POST', path);
      await this.#report(req, res, caller);
    } else if (path === '/v1/stream') {
      allow(req, 'GET', path);
      this.#stream(req, res, caller, bare);
    } else if (path === '/v1/credentials') {
      allow(req, 'GET', path);
      this.#credentials(res, caller);
    } else if (snapshot?.[1]) {
      allow(req, 'GET', path);
      await this.#snapshot(req, res, caller, snapshot[1]);
    } else {
      const hint = 'there are /v1/stream, /v1/snapshots/{hash}, /v1/credentials and /v1/report';
      throw new OutriderError('endpoint_not_found', {
        method: req.method ?? '',
        path: path.slice(0, 256),
        hint,
      });
    }
  }

  #stream(req: IncomingMessage, res: ServerResponse, caller: Caller, bare: Socket | undefined): void {
    req.socket.setKeepAlive(true, 30_000);
    if (bare) {
      const sink = takeOver(res, bare, STREAM_HEADERS);
      bare.on('close', this.#audience.open(caller, sink, caller.version));
      return;
    }
    // Node keeps the request for as long as its answer takes, and with it a token that nobody reads again.
    req.headers = {};
    req.rawHeaders = [];
    res.writeHead(200, STREAM_HEADERS);
    res.flushHeaders();
    res.on('close', this.#audience.open(caller, res, caller.version));
  }

  async #snapshot(req: IncomingMessage, res: ServerResponse, caller: Caller, hash: string): Promise<void> {
    const body = this.#audience.body(caller.pod, hash, caller.version);
    if (!body) throw new OutriderError('snapshot_not_found', { hash });
    const headers = {
      'content-type': 'application/json',
      'cache-control': 'private, max-age=31536000, immutable',
      etag: `"${hash}"`,
    };
    if (/\bgzip\b/.test(req.headers['accept-encoding'] ?? '')) {
      const compressed = await body.compressed;
      res.writeHead(200, { ...headers, 'content-encoding': 'gzip', 'content-length': compressed.length });
      res.end(compressed);
    } else {
      res.writeHead(200, headers);
      res.end(JSON.stringify(body.snapshot));
    }
  }

  /** Never compressed: the sizes of compressed secrets tell about them. */
  #credentials(res: ServerResponse, { pod }: Caller): void {
    const set = this.#audience.credentials(pod);
    if (!set) throw new OutriderError('config_unavailable', {}, 1_000);
    sendJson(res, 200, JSON.stringify(set));
  }

  async #report(req: IncomingMessage, res: ServerResponse, { pod, version }: Caller): Promise<void> {
    if (!this.#options.isLeader()) {
      const leader = this.#options.leaderAddress();
      if (leader) res.setHeader(LEADER_HEADER, leader);
      throw new OutriderError('not_leader', { leader: leader ?? 'another one, once it is elected' }, 2_000);
    }
    const report = readReport(await readBody(req));
    this.#metrics.rowsReceived(report.rows.length);
    this.#audience.reported(pod, report, version);
    const { account = unkept, share } = this.#options;
    const accounted = await account(pod, report);
    const rates = share?.(pod, report);
    const hints = this.#audience.hintsFor(pod, version);
    const answer: ReportAnswer = {
      nextReportIn: randomInt(
        Math.floor(this.#reportIntervalMs * 0.8),
        Math.ceil(this.#reportIntervalMs * 1.2) + 1,
      ),
      ledgerShard: 0,
      ...accounted,
      ...(hints && { hints }),
      ...(rates && { rates }),
    };
    sendJson(res, 200, JSON.stringify(answer));
  }
}

/** Of a report: the sequence number up to which rows need not be sent again, and what of budgets it may spend. */
type Accounted = Pick<ReportAnswer, 'acknowledgedSeq' | 'leases'>;

async function unkept(_pod: LivePod, { rows }: Report): Promise<Accounted> {
  return { acknowledgedSeq: highestSeq(rows) };
}

function highestSeq(rows: readonly unknown[]): number {
  let highest = 0;
  for (const row of rows) {
    const seq = (row as { seq?: unknown } | null)?.seq;
    if (typeof seq === 'number' && Number.isSafeInteger(seq) && seq > highest) highest = seq;
  }
  return highest;
}

function allow(req: IncomingMessage, method: string, path: string): void {
  if (req.method === method) return;
  throw new OutriderError('method_not_allowed', { path, allowed: method, method: req.method ?? '' });
}

/** Too long a body is read on without being kept: cutting the connection could lose the answer that says so. */
function readBody(req: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    req.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_REPORT_BYTES) {
        chunks.push(chunk);
      } else {
        chunks.length = 0;
        reject(new OutriderError('body_too_large', { limit: MAX_REPORT_BYTES }));
      }
    });
    req.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    req.on('error', reject);
  });
}

function sendError(res: ServerResponse, error: OutriderError): void {
  if (res.destroyed) return;
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const { code, message, retryable } = error;
  if (error.status === 401) res.setHeader('www-authenticate', 'Bearer');
  if (error.retryAfterMs !== undefined) res.setHeader('retry-after', Math.ceil(error.retryAfterMs / 1000));
  sendJson(res, error.status, `${JSON.stringify({ error: { code, message, retryable } })}\n`);
}

/** With its length, head and body are one string and one write; without, each piece of a chunked body is encrypted by itself. */
function sendJson(res: ServerResponse, status: number, body: string): void {
  res.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(body),
  });
  res.end(body);
}

function toOutriderError(thrown: unknown): OutriderError {
  if (thrown instanceof OutriderError) return thrown;
  if (thrown instanceof ReportMalformed) return new OutriderError('bad_report', { reason: thrown.message });
  return new OutriderError('sync_failed');
}
