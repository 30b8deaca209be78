/** Requests that are answered later: taken, looked at and removed. */
import { OutriderError } from '../../errors/table.ts';
import { answerJson, answerStatus } from '../server/answer.ts';
import { reserve } from '../server/body.ts';
import type { HttpExchange } from '../server/http-exchange.ts';
import { type AsyncTerms, headerOf } from './async-terms.ts';
import type { AsyncWorker } from './async-worker.ts';
import { newId } from './ids.ts';
import { wholeOf } from './media/medium.ts';
import type { AsyncRecord } from './records.ts';
import type { Spool } from './spool.ts';
import { hostProblem } from './webhook.ts';

export interface AsyncDeskParts {
  spool: Spool;
  worker: AsyncWorker;
  wall: () => number;
}

const POLL_AFTER_S = 1;
const WEBHOOK = 'x-outrider-webhook';

export class AsyncDesk {
  readonly #parts: AsyncDeskParts;

  constructor(parts: AsyncDeskParts) {
    this.#parts = parts;
  }

  /** `terms`: of the rules that the request may go by. The body is checked as ever, so that what is wrong is said at once. */
  async take(exchange: HttpExchange, path: string, body: Buffer, terms: AsyncTerms): Promise<void> {
    const { spool, worker, wall } = this.#parts;
    const { rawHeaders } = exchange.req;
    const url = headerOf(rawHeaders, WEBHOOK);
    const webhook = url === undefined ? undefined : allowedWebhook(url, terms);
    spool.room('Async');
    spool.grow(body.length);
    const id = newId('Async');
    const createdAt = wall();
    const record: AsyncRecord = {
      id,
      path,
      rawHeaders: keptHeaders(rawHeaders),
      state: 'queued',
      createdAt,
      expiresAt: createdAt + terms.expiresAfterMs,
      bytes: 0,
      ...(webhook && { webhook }),
    };
    try {
      await spool.medium.replace(spool.name(id), body);
      await spool.save('Async', record);
    } catch (error) {
      spool.grow(-body.length);
      await spool.discard(id);
      throw error;
    }
    const headers = ['location', `/v1/async/${id}`, 'preference-applied', 'respond-async'];
    headers.push('retry-after', String(POLL_AFTER_S));
    answerStatus(exchange, 202, headers, Buffer.from(JSON.stringify(asyncObject(record))));
    worker.wake();
  }

  async show(exchange: HttpExchange, id: string): Promise<void> {
    const record = this.#get(id);
    const done = record.state === 'completed' || record.state === 'failed';
    if (!done) {
      const headers = record.state === 'expired' ? [] : ['retry-after', String(POLL_AFTER_S)];
      answerStatus(exchange, 200, headers, Buffer.from(JSON.stringify(asyncObject(record))));
      return;
    }
    reserve(exchange.hold, 2 * record.bytes);
    answerJson(exchange, await withAnswer(this.#parts.spool, record));
  }

  /** Nobody wants it any more: it is not sent, or broken off. */
  async remove(exchange: HttpExchange, id: string): Promise<void> {
    this.#get(id);
    await this.#parts.worker.remove(id);
    answerJson(exchange, Buffer.from(JSON.stringify({ id, object: 'async', deleted: true })));
  }

  #get(id: string): AsyncRecord {
    const record = this.#parts.spool.deferred.get(id);
    if (!record) throw new OutriderError('later_not_found', { kind: 'deferred request', id });
    return record;
  }
}

export function asyncObject({ id, state, createdAt, completedAt, expiresAt, webhook }: AsyncRecord): object {
  const seconds = (ms: number | undefined): number | null =>
    ms === undefined ? null : Math.floor(ms / 1000);
  return {
    id,
    object: 'async',
    status: state,
    created_at: seconds(createdAt),
    completed_at: seconds(completedAt),
    expires_at: seconds(expiresAt),
    ...(webhook && {
      webhook: {
        tries: webhook.tries,
        delivered_at: seconds(webhook.delivered),
        error: webhook.gaveUp ?? null,
      },
    }),
  };
}

/** With what was answered, in the dialect of the request. */
export async function withAnswer(spool: Spool, record: AsyncRecord): Promise<Buffer> {
  const answer = await wholeOf(spool.medium, spool.name(record.id, 'answer'));
  const json = record.contentType?.startsWith('application/json') === true;
  const head = JSON.stringify(asyncObject(record)).slice(0, -1);
  return Buffer.concat([
    Buffer.from(
      `${head},"response":{"status_code":${record.status},"request_id":${JSON.stringify(record.requestId)},"body":`,
    ),
    json ? answer : Buffer.from(JSON.stringify(answer.toString('utf8'))),
    Buffer.from('}}'),
  ]);
}

function allowedWebhook(url: string, { webhooks }: AsyncTerms): NonNullable<AsyncRecord['webhook']> {
  const refuse = (reason: string): never => {
    throw new OutriderError('webhook_not_allowed', { reason });
  };
  if (webhooks.length === 0) return refuse('no rule of the route has async.webhook');
  const problems = webhooks.map(({ hosts }) => hostProblem(url, hosts));
  const found = webhooks[problems.indexOf(undefined)];
  if (found === undefined) return refuse(problems[0] ?? 'it is not allowed');
  return { url, tries: 0, secret: found.secret, hosts: found.hosts };
}

/** Keys are never kept, and what the connection was about is over. */
const DROPPED =
  /^(authorization|proxy-.*|x-api-key|api-key|x-goog-api-key|x-amz-security-token|cookie|host|connection|keep-alive|te|trailer|upgrade|expect|content-length|content-encoding|transfer-encoding|accept-encoding|prefer|x-outrider-async|x-outrider-webhook|x-stainless-timeout|x-stainless-retry-count)$/i;

function keptHeaders(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (!DROPPED.test(name)) kept.push(name, rawHeaders[i + 1] as string);
  }
  return kept;
}
