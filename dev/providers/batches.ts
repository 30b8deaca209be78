/**
 * A scripted provider of batches: OpenAI's files and batches, and Anthropic's message batches. Each line is put to an ordinary
 * scripted provider, so that answers are those of the vendor's own dialect.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface BatchProvider {
  url: string;
  /** Method and path of every call, in order. */
  calls: string[];
  batches: Map<string, RemoteBatch>;
  /** Batches stay under way until it is false. */
  hold: boolean;
  /** Status of the next calls, instead of an answer; by method and path. */
  fail: Map<string, number>;
  close(): Promise<void>;
}

interface RemoteBatch {
  id: string;
  style: 'OpenAI' | 'Anthropic';
  lines: Record<string, unknown>[];
  results: string[];
  cancelled: boolean;
  metadata: unknown;
}

/** `url`: of the scripted provider that answers the lines. */
export async function startBatchProvider(url: string, key: string): Promise<BatchProvider> {
  const files = new Map<string, string>();
  const provider: BatchProvider = {
    url: '',
    calls: [],
    batches: new Map(),
    hold: false,
    fail: new Map(),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  let count = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url: target = '', headers } = request;
    const { pathname } = new URL(target, 'http://provider');
    const call = `${method} ${pathname}`;
    provider.calls.push(call);
    const body = await textOf(request);
    const send = (status: number, value: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
      response.end(typeof value === 'string' ? value : JSON.stringify(value));
    };
    if (headers.authorization !== `Bearer ${key}` && headers['x-api-key'] !== key) {
      send(401, { error: { message: 'no such key' } });
      return;
    }
    const failing = provider.fail.get(call);
    if (failing !== undefined) {
      provider.fail.delete(call);
      send(failing, { error: { message: 'as it was told' } });
      return;
    }
    const [, , first = '', second = '', third = '', fourth = ''] = pathname.split('/');
    if (call === 'POST /v1/files') {
      const id = `file-${++count}`;
      files.set(id, partOf(body, 'file'));
      send(200, { id, object: 'file', purpose: 'batch' });
    } else if (first === 'files' && third === 'content') {
      send(200, files.get(second) ?? '');
    } else if (call === 'POST /v1/batches') {
      const asked = JSON.parse(body) as { input_file_id: string; metadata: unknown };
      const lines = jsonLines(files.get(asked.input_file_id) ?? '');
      send(200, openAIBatch(create(provider, `batch_${++count}`, 'OpenAI', lines, asked.metadata), files));
    } else if (call === 'GET /v1/batches') {
      const all = [...provider.batches.values()].filter(({ style }) => style === 'OpenAI');
      send(200, { object: 'list', data: all.map((batch) => openAIBatch(batch, files)) });
    } else if (call === 'POST /v1/messages/batches') {
      const { requests } = JSON.parse(body) as { requests: Record<string, unknown>[] };
      send(200, anthropicBatch(create(provider, `msgbatch_${++count}`, 'Anthropic', requests, undefined)));
    } else {
      const anthropic = first === 'messages';
      const [id, action] = anthropic ? [third, fourth] : [second, third];
      const batch = provider.batches.get(id);
      if (batch === undefined) {
        send(404, { error: { message: `no batch ${id}` } });
        return;
      }
      if (action === 'cancel') batch.cancelled = true;
      else if (!provider.hold || batch.cancelled) await run(batch, url, key);
      if (action === 'results') send(200, batch.results.join('\n'));
      else send(200, anthropic ? anthropicBatch(batch) : openAIBatch(batch, files));
    }
  };
  const server: Server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  provider.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return provider;
}

function create(
  { batches }: BatchProvider,
  id: string,
  style: RemoteBatch['style'],
  lines: RemoteBatch['lines'],
  metadata: unknown,
): RemoteBatch {
  const batch = { id, style, lines, results: [], cancelled: false, metadata };
  batches.set(id, batch);
  return batch;
}

/** Lines whose text has "expire" in it are not come to, and none of a batch that was cancelled is. */
async function run(batch: RemoteBatch, url: string, key: string): Promise<void> {
  if (batch.results.length > 0) return;
  const openAI = batch.style === 'OpenAI';
  for (const line of batch.lines) {
    const { custom_id } = line;
    const body = JSON.stringify(openAI ? line.body : line.params);
    if (batch.cancelled || body.includes('expire')) {
      const error = { code: 'batch_expired', message: 'too late' };
      const late = openAI ? { custom_id, response: null, error } : { custom_id, result: { type: 'expired' } };
      batch.results.push(JSON.stringify(late));
      continue;
    }
    const path = openAI ? String(line.url).slice('/v1'.length) : '/messages';
    const answer = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${key}`,
        'x-api-key': key,
        'anthropic-version': '2023-06-01',
      },
      body,
    });
    const message: unknown = await answer.json();
    const { status } = answer;
    const result = status === 200 ? { type: 'succeeded', message } : { type: 'errored', error: message };
    batch.results.push(
      JSON.stringify(
        openAI
          ? {
              id: 'r',
              custom_id,
              response: { status_code: status, request_id: 'q', body: message },
              error: null,
            }
          : { custom_id, result },
      ),
    );
  }
}

function openAIBatch(batch: RemoteBatch, files: Map<string, string>): object {
  const over = batch.results.length > 0;
  const failed = batch.results.filter((line) => !line.includes('"status_code":200'));
  const good = batch.results.filter((line) => line.includes('"status_code":200'));
  const file = (name: string, lines: readonly string[]): string | undefined => {
    if (lines.length === 0) return undefined;
    files.set(name, `${lines.join('\n')}\n`);
    return name;
  };
  return {
    id: batch.id,
    object: 'batch',
    status: over ? (batch.cancelled ? 'cancelled' : 'completed') : 'in_progress',
    request_counts: { total: batch.lines.length, completed: good.length, failed: failed.length },
    output_file_id: file(`${batch.id}-out`, good) ?? null,
    error_file_id: file(`${batch.id}-err`, failed) ?? null,
    metadata: batch.metadata,
  };
}

function anthropicBatch({ id, results, lines }: RemoteBatch): object {
  const over = results.length > 0;
  return {
    id,
    type: 'message_batch',
    processing_status: over ? 'ended' : 'in_progress',
    request_counts: { processing: over ? 0 : lines.length, succeeded: over ? results.length : 0 },
  };
}

const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Content of a part of a form, as a provider that knows who calls may look for it. */
function partOf(body: string, name: string): string {
  const head = body.indexOf('\r\n\r\n', body.indexOf(`name="${name}"`)) + 4;
  return body.slice(head, body.lastIndexOf('\r\n--'));
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
