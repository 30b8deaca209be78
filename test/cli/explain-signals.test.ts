import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { run } from '../../cli/explain.ts';

const EXAMPLE = path.join(import.meta.dirname, '../../examples/signals');
const folder = mkdtempSync(path.join(tmpdir(), 'outrider-signals-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function explained(content: string, ...args: string[]): Promise<string> {
  const file = path.join(folder, 'request.json');
  writeFileSync(file, JSON.stringify({ model: 'helper', messages: [{ role: 'user', content }] }));
  const { out } = await run(['-f', EXAMPLE, '--request', file, ...args], 0);
  return out;
}

const TOKEN = `h.${Buffer.from(JSON.stringify({ realm: { tier: 'gold' } })).toString('base64url')}.s`;

it.each([
  ['Please refund my last order, the lamp is broken', [], 'service', 'intent refund '],
  ['Why is this wrong?\n```js\nlet a = b;\n```', [], 'code', 'matches: code 95'],
  ['Hello', ['-H', 'x-user-tier: premium', '-H', 'x-app-module: checkout-2'], 'premium', 'matches'],
  ['Hello', ['-H', `x-user-token: Bearer ${TOKEN}`], 'premium', 'claim realm.tier present'],
  [
    'Design a lock, prove why it must never deadlock, and evaluate the trade-offs step by step without shortcuts.',
    [],
    'hard',
    'difficulty',
  ],
])('explain shows what signals say: %j', async (content, args, rule, said) => {
  const out = await explained(content, ...args);
  expect(out).toMatch(new RegExp(`✓ +rule ${rule} `));
  expect(out).toContain(said);
  expect(out).toMatch(/difficulty \d+.*; code \d+, math \d+ of 100; language/);
});
