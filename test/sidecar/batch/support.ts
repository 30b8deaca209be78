/** A sidecar with a spool, and batches as apps hand them in. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI, { toFile } from 'openai';
import type { BatchBody } from '../../../sidecar/snapshot/shapes/batch.ts';
import { PATIENCE_MS } from '../../support/until.ts';

export const BATCH: BatchBody = {
  mode: 'Emulated',
  maxConcurrent: 4,
  maxRequests: 1000,
  maxBytes: 1_000_000,
  expiresAfterMs: 3_600_000,
};

export async function temporary(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'outrider-spool-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

export const clientOf = (url: string): OpenAI =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: 'placeholder', maxRetries: 0 });

export function chatLine(customId: string, content = `Say ${customId}.`, model = 'assistant'): string {
  const body = { model, messages: [{ role: 'user', content }] };
  return JSON.stringify({ custom_id: customId, method: 'POST', url: '/v1/chat/completions', body });
}

export const upload = async (client: OpenAI, lines: readonly string[]): Promise<OpenAI.FileObject> =>
  client.files.create({
    file: await toFile(Buffer.from(`${lines.join('\n')}\n`), 'lines.jsonl'),
    purpose: 'batch',
  });

export async function submit(
  client: OpenAI,
  lines: readonly string[],
  endpoint: OpenAI.BatchCreateParams['endpoint'] = '/v1/chat/completions',
): Promise<OpenAI.Batch> {
  const { id } = await upload(client, lines);
  return await client.batches.create({ input_file_id: id, endpoint, completion_window: '24h' });
}

const OVER = new Set(['completed', 'failed', 'expired', 'cancelled']);

/** Polls until the batch has ended, or `when` holds. */
export async function ended(
  client: OpenAI,
  id: string,
  when: (batch: OpenAI.Batch) => boolean = ({ status }) => OVER.has(status),
): Promise<OpenAI.Batch> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const batch = await client.batches.retrieve(id);
    if (when(batch)) return batch;
    if (performance.now() > deadline) throw new Error(`batch is ${JSON.stringify(batch)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface Result {
  id: string;
  custom_id: string;
  response: { status_code: number; request_id: string; body: Record<string, unknown> } | null;
  error: { code: string; message: string } | null;
}

export async function results(client: OpenAI, fileId: string | null | undefined): Promise<Result[]> {
  if (!fileId) return [];
  const text = await (await client.files.content(fileId)).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Result);
}
