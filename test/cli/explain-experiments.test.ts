import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { run } from '../../cli/explain.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/experiments', import.meta.url));
const directory = mkdtempSync(path.join(tmpdir(), 'outrider-experiments-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function explain(body: object): Promise<string> {
  const file = path.join(directory, 'request.json');
  writeFileSync(file, JSON.stringify({ messages: [{ role: 'user', content: 'hello' }], ...body }));
  const { out } = await run(['-f', EXAMPLE, '--request', file], Date.parse('2026-06-01T00:00:00Z'));
  return out;
}

it('tells the arm and what keeps the request in it, never who it is', async () => {
  const text = await explain({ model: 'compared', user: 'alice@example.com' });
  expect(text).toMatch(
    /✓ {2}experiment candidate-2026-11 {2}arm (control|treatment), 50% of requests, by User/,
  );
  expect(text).toMatch(/✗ {2}(candidate|proven) .*OtherArm +the request is in arm/);
  expect(text).not.toContain('alice');
  expect(await explain({ model: 'compared' })).toContain('by chance: the request says nothing');
});

it('tells the owner of a conversation and why', async () => {
  const text = await explain({ model: 'cached', prompt_cache_key: 'thread-7' });
  expect(text).toMatch(
    /✓ {2}affinity by Conversation {2}(proven|candidate)#main has the lowest ticket of 2 by weight/,
  );
  expect(text).not.toContain('thread-7');
  expect(await explain({ model: 'cached' })).toContain('affinity by PromptPrefix');
});

it('tells the step of a canary', async () => {
  expect(await explain({ model: 'moved', prompt_cache_key: 'x' })).toMatch(
    /(in no arm, 99%|arm candidate, 1%) of requests/,
  );
});
