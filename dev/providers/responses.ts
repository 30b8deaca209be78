/** How an answer goes out, or fails to: whole, as a stream, slowly, broken, or never. */
import type { ServerResponse } from 'node:http';
import { type Behaviour, retryAfterHeaders } from './behaviour.ts';
import type { FailureShape } from './vendor.ts';

/** Failures that need no look at the request; true when the answer, or its absence, is done. */
export function failBeforeAnswer(res: ServerResponse, behaviour: Behaviour, shape: FailureShape): boolean {
  const failure = behaviour.failure;
  switch (failure?.kind) {
    case 'Status': {
      const message = failure.message ?? `scripted failure ${failure.status}`;
      send(res, failure.status, shape.error({ ...failure, message }), failure.headers);
      return true;
    }
    case 'RateLimited': {
      const headers = retryAfterHeaders(failure.retryAfter ?? 'Seconds', failure.ms ?? 1000, Date.now());
      send(res, 429, shape.rateLimit, headers);
      return true;
    }
    case 'QuotaExhausted':
      send(res, shape.quota.status, shape.quota.body);
      return true;
    case 'Reset':
      if (failure.afterEvents === undefined) reset(res);
      return failure.afterEvents === undefined;
    case 'HangBeforeHeaders':
      return true;
    case 'GarbageJson':
      send(res, 200, shape.garbage);
      return true;
    default:
      return false;
  }
}

export async function complete(
  res: ServerResponse,
  body: string,
  behaviour: Behaviour,
  headers: Record<string, string>,
): Promise<void> {
  const failure = behaviour.failure;
  const bytes = Buffer.from(body);
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes.length, ...headers });
  if (failure?.kind === 'HangAfterHeaders') {
    res.flushHeaders();
    return;
  }
  if (failure?.kind === 'SlowBody') {
    const size = Math.ceil(bytes.length / failure.pieces);
    for (let at = 0; at < bytes.length && !res.destroyed; at += size) {
      res.write(bytes.subarray(at, at + size));
      await pause(failure.ms);
    }
    res.end();
    return;
  }
  res.end(bytes);
}

export async function stream(
  res: ServerResponse,
  events: readonly (string | Buffer)[],
  behaviour: Behaviour,
  headers: Record<string, string>,
  shape: FailureShape,
): Promise<void> {
  const failure = behaviour.failure;
  res.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    ...headers,
  });
  res.flushHeaders();
  if (failure?.kind === 'HangAfterHeaders') return;
  if (behaviour.firstTokenMs) await pause(behaviour.firstTokenMs);
  if (failure?.kind === 'EmptyStream') {
    res.end();
    return;
  }
  const gap = behaviour.tokensPerSecond ? 1000 / behaviour.tokensPerSecond : 0;
  for (let i = 0; i < events.length; i++) {
    if (res.destroyed) return;
    if (failure && (await failInStream(res, failure, i, shape))) return;
    if (!res.write(events[i])) await drained(res);
    await (gap ? pause(gap) : turn());
  }
  res.end();
}

async function failInStream(
  res: ServerResponse,
  failure: NonNullable<Behaviour['failure']>,
  at: number,
  shape: FailureShape,
): Promise<boolean> {
  switch (failure.kind) {
    case 'Reset':
      if (at !== failure.afterEvents) return false;
      reset(res);
      return true;
    case 'DieMidStream':
      if (at !== failure.afterEvents) return false;
      res.end();
      return true;
    case 'ErrorInStream':
      if (at !== (failure.afterEvents ?? 0)) return false;
      res.end(shape.inStream(failure.code));
      return true;
    case 'Stall':
      if (at !== failure.afterEvents) return false;
      while (failure.pingMs && !res.destroyed) {
        res.write(shape.ping);
        await pause(failure.pingMs);
      }
      return true;
    default:
      return false;
  }
}

export function send(
  res: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): void {
  const bytes = Buffer.from(body);
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length, ...headers });
  res.end(bytes);
}

function reset(res: ServerResponse): void {
  res.socket?.resetAndDestroy();
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const drained = (res: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    res.once('drain', resolve);
    res.once('close', resolve);
  });
