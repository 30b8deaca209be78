import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import { BATCH, chatLine, clientOf, ended, results, submit, temporary } from './support.ts';

const CHILD = join(import.meta.dirname, '../../e2e/programs/batch-sidecar.ts');
const LINES = 80;
const KILLS = Number(process.env.OUTRIDER_KILLS ?? 3);

let provider: ScriptedProvider;
let spool: Awaited<ReturnType<typeof temporary>>;
let child: ChildProcess | undefined;
/** Lines in the order in which the provider saw them. */
const seen: string[] = [];

beforeAll(async () => {
  spool = await temporary();
  provider = await startScriptedProvider({ keys: ['sk-test'] });
  provider.script = ({ body }) => {
    seen.push(/line-\d+/.exec(String(body))?.[0] ?? '');
    return { latencyMs: 4, outputTokens: 3 };
  };
});

afterAll(async () => {
  child?.kill('SIGKILL');
  await provider.close();
  await spool.remove();
});

/** Resolves to its URL. */
function start(): Promise<string> {
  const started = spawn(process.execPath, [CHILD, spool.path, provider.url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child = started;
  return new Promise((resolve, reject) => {
    started.once('error', reject);
    started.once('exit', () => reject(new Error('it ended before it listened')));
    started.stdout.once('data', (port: Buffer) => resolve(`http://127.0.0.1:${String(port).trim()}`));
  });
}

/** Lines whose result was kept, whole. */
async function kept(): Promise<Set<string>> {
  const found = new Set<string>();
  for (const name of await readdir(spool.path)) {
    if (!name.startsWith('file-or') || !name.endsWith('.data')) continue;
    const text = await readFile(join(spool.path, name), 'utf8');
    for (const line of text.split('\n').slice(0, -1)) {
      if (line.startsWith('{"id":"batch_req_')) {
        found.add((JSON.parse(line) as { custom_id: string }).custom_id);
      }
    }
  }
  return found;
}

it('goes on after kills at any instant, and asks nothing twice whose answer was kept', async () => {
  let url = await start();
  const { id } = await submit(
    clientOf(url),
    Array.from({ length: LINES }, (_, i) => chatLine(`line-${i}`, `Say line-${i}.`)),
  );
  const checks: { done: Set<string>; before: number }[] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    const goal = Math.min(LINES - 10, seen.length + 1 + Math.floor(Math.random() * 14));
    const deadline = performance.now() + 8000;
    while (seen.length < goal && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
    }
    const over = new Promise((resolve) => child?.once('exit', resolve));
    child?.kill('SIGKILL');
    await over;
    const before = seen.length;
    const done = await kept();
    url = await start();
    checks.push({ done, before });
  }
  const client = clientOf(url);
  const batch = await ended(client, id);
  expect(batch).toMatchObject({
    status: 'completed',
    request_counts: { total: LINES, completed: LINES, failed: 0 },
  });
  const answered = (await results(client, batch.output_file_id)).map(({ custom_id }) => custom_id);
  expect(answered).toHaveLength(LINES);
  expect(new Set(answered).size).toBe(LINES);
  for (const { done, before } of checks) {
    const later = new Set(seen.slice(before));
    expect([...done].filter((line) => later.has(line))).toEqual([]);
  }
  // What was under way at a kill may be asked again, and nothing else.
  expect(seen.length).toBeLessThanOrEqual(LINES + KILLS * BATCH.maxConcurrent);
}, 60_000);
