import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import { PATIENCE_MS } from '../../support/until.ts';
import { respServer } from '../cache/resp-server.ts';
import { BATCH, chatLine, clientOf, ended, results, submit, temporary } from './support.ts';

const CHILD = join(import.meta.dirname, '../../e2e/programs/batch-sidecar.ts');
const LINES = 80;
const ASKED = 12;
const KILLS = Number(process.env.OUTRIDER_KILLS ?? 2);

/** Where a sidecar keeps what it was handed in, and how a test looks into it. */
interface Place {
  argument: string;
  /** Contents by name. */
  contents(): Promise<[name: string, content: string][]>;
  /** What runs out after a kill, has. */
  ranOut(): void;
  close(): Promise<void>;
}

async function directory(): Promise<Place> {
  const { path, remove } = await temporary();
  return {
    argument: path,
    contents: async () =>
      Promise.all(
        (await readdir(path)).map(
          async (name): Promise<[string, string]> => [name, await readFile(join(path, name), 'utf8')],
        ),
      ),
    ranOut: () => {},
    close: remove,
  };
}

async function store(): Promise<Place> {
  const server = await respServer();
  const { url, values } = server;
  return {
    argument: url,
    contents: () =>
      Promise.resolve(
        [...values].map(([key, value]) => [key.slice(key.lastIndexOf(':') + 1), String(value)]),
      ),
    ranOut: () => {
      for (const key of values.keys()) if (key.endsWith(':owner')) values.delete(key);
    },
    close: () => server.close(),
  };
}

let provider: ScriptedProvider;
let child: ChildProcess | undefined;
let place: Place;
/** What was asked, in the order in which the provider saw it. */
let seen: string[];

beforeEach(async () => {
  seen = [];
  provider = await startScriptedProvider({ keys: ['sk-test'] });
  provider.script = ({ body }) => {
    seen.push(/line-\d+/.exec(String(body))?.[0] ?? '');
    return { latencyMs: 4, outputTokens: 3 };
  };
});

afterEach(async () => {
  child?.kill('SIGKILL');
  await provider.close();
  await place.close();
});

/** Resolves to its URL. */
function start(): Promise<string> {
  const started = spawn(process.execPath, [CHILD, place.argument, provider.url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child = started;
  return new Promise((resolve, reject) => {
    started.once('error', reject);
    started.once('exit', () => reject(new Error('it ended before it listened')));
    started.stdout.once('data', (port: Buffer) => resolve(`http://127.0.0.1:${String(port).trim()}`));
  });
}

async function kill(): Promise<void> {
  const over = new Promise((resolve) => child?.once('exit', resolve));
  child?.kill('SIGKILL');
  await over;
  place.ranOut();
}

/** Until the provider has seen so many. */
async function asked(goal: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (seen.length < goal && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
  }
}

/** Lines whose result was kept, whole. */
async function kept(): Promise<Set<string>> {
  const found = new Set<string>();
  for (const [name, text] of await place.contents()) {
    if (!name.startsWith('file-or') || !name.endsWith('.data')) continue;
    for (const line of text.split('\n').slice(0, -1)) {
      if (line.startsWith('{"id":"batch_req_')) {
        found.add((JSON.parse(line) as { custom_id: string }).custom_id);
      }
    }
  }
  return found;
}

describe.each([
  ['a directory', directory],
  ['a store', store],
])('kept in %s', (_name, open) => {
  it('a batch goes on after kills at any instant, and asks nothing twice whose answer was kept', async () => {
    place = await open();
    let url = await start();
    const { id } = await submit(
      clientOf(url),
      Array.from({ length: LINES }, (_, i) => chatLine(`line-${i}`, `Say line-${i}.`)),
    );
    const checks: { done: Set<string>; before: number }[] = [];
    for (let i = 0; i < KILLS; i++) {
      await asked(Math.min(LINES - 10, seen.length + 1 + Math.floor(Math.random() * 14)));
      await kill();
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
  });

  it('deferred requests are answered after a kill, and those that were answered are not asked again', async () => {
    place = await open();
    let url = await start();
    const ids: string[] = [];
    for (let i = 0; i < ASKED; i++) {
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', prefer: 'respond-async' },
        body: JSON.stringify({
          model: 'assistant',
          messages: [{ role: 'user', content: `Say line-${i}.` }],
        }),
      });
      expect(response.status).toBe(202);
      ids.push(((await response.json()) as { id: string }).id);
    }
    await asked(ASKED / 2);
    await kill();
    const before = seen.length;
    const answered = new Map(
      await place.contents().then((all) => all.filter(([name]) => name.endsWith('.json'))),
    );
    const done = ids.flatMap((id, i) =>
      (JSON.parse(answered.get(`${id}.json`) ?? '{}') as { state?: string }).state === 'completed'
        ? [`line-${i}`]
        : [],
    );
    url = await start();
    const state = async (id: string): Promise<{ status?: string; response?: { status_code: number } }> =>
      (await fetch(`${url}/v1/async/${id}`)).json() as Promise<{ status?: string }>;
    for (const id of ids) {
      await expect.poll(async () => (await state(id)).status, { timeout: 8000 }).toBe('completed');
      expect((await state(id)).response?.status_code).toBe(200);
    }
    const later = new Set(seen.slice(before));
    expect(done.filter((line) => later.has(line))).toEqual([]);
    expect(new Set(seen).size).toBe(ASKED);
  });
});
