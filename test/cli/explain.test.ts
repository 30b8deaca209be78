import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../cli/explain.ts';

/** `UPDATE_GOLDEN=1` writes what the command prints now; the diff is the review. */
const UPDATE = process.env.UPDATE_GOLDEN === '1';
const NOW = Date.parse('2026-06-01T00:00:00Z');
const FIXTURES = path.join(import.meta.dirname, 'explain/fixtures');
const SHOP = path.join(FIXTURES, 'shop.yaml');
const requests = mkdtempSync(path.join(tmpdir(), 'outrider-explain-'));
afterAll(() => rmSync(requests, { recursive: true, force: true }));

function request(name: string, body: object | string): string {
  const file = path.join(requests, `${name}.json`);
  writeFileSync(file, typeof body === 'string' ? body : JSON.stringify(body));
  return file;
}

const user = (content: unknown) => ({ role: 'user', content });
const image = { type: 'image_url', image_url: { url: 'https://example.com/a.png' } };
const hello = { model: 'assistant', max_completion_tokens: 200, messages: [user('Hello there')] };

const CASES: [string, number, object | string, string[]][] = [
  ['weighted', 0, hello, []],
  ['second-match-of-a-rule', 0, { ...hello, model: 'gpt-5-mini' }, []],
  ['header', 0, { ...hello, messages: [user('One'), user('Two')] }, ['-H', 'X-Tier: gold']],
  ['round-robin', 0, hello, ['-H', 'x-turns: yes']],
  [
    'images',
    0,
    { ...hello, messages: [user([{ type: 'text', text: 'What is it?' }, image])], stream: true },
    [],
  ],
  ['long-prompt', 0, { ...hello, messages: [user('word '.repeat(900))], n: 2 }, []],
  [
    'too-much-output',
    1,
    { ...hello, model: 'gpt-4o', max_completion_tokens: 500_000 },
    ['--labels', 'app=web'],
  ],
  ['labels', 0, hello, ['--labels', 'app=job,tier=x']],
  ['no-rule-matched', 1, { ...hello, stream: true }, ['--labels', 'app=job']],
  ['no-route', 1, { ...hello, model: 'claude-sonnet-4' }, []],
  ['invalid-route', 1, { ...hello, model: 'broken' }, []],
  ['other-namespace', 1, hello, ['--namespace', 'elsewhere']],
  ['stored', 0, { ...hello, store: true }, []],
  ['passthrough', 0, { model: 'gpt-4o-mini-transcribe' }, ['--path', '/v1/audio/speech']],
  ['passthrough-refused', 1, { model: 'gpt-4o' }, ['--path', '/v1/organization/users', '--method', 'get']],
  ['embeddings', 1, { model: 'gpt-4o', input: 'text' }, ['--path', '/v1/embeddings']],
  ['not-json', 1, '{"model": "assistant"', []],
  ['json', 0, hello, ['-o', 'json']],
  ['effective-with-request', 1, { ...hello, model: 'younger' }, ['--effective']],
];

function golden(name: string, out: string): void {
  const file = path.join(import.meta.dirname, 'explain/golden', `${name}.txt`);
  if (UPDATE) writeFileSync(file, out);
  expect(out).toBe(readFileSync(file, 'utf8'));
}

describe('outrider explain', () => {
  it.each(CASES)('%s', async (name, code, body, args) => {
    const outcome = await run(['-f', SHOP, '--request', request(name, body), ...args], NOW);
    expect(outcome).toMatchObject({ code, err: '' });
    golden(name, outcome.out);
  });

  const embed = { model: 'embed', input: ['one', 'two'] };
  const EMBEDDINGS = ['--path', '/v1/embeddings'];
  const lossy = { ...hello, seed: 7, logit_bias: { '50256': -100 } };
  it.each<[string, number, object, string[]]>([
    ['translated', 0, { ...lossy, model: 'any' }, []],
    ['translated-strictly', 0, { ...lossy, model: 'strict' }, []],
    ['several-answers', 0, { ...hello, model: 'any', n: 2 }, []],
    ['stored-elsewhere', 1, { ...hello, model: 'any', store: true }, []],
    [
      'from-messages',
      0,
      { model: 'any', max_tokens: 50, top_k: 5, messages: [user('Hello')] },
      ['--path', '/v1/messages', '-H', 'anthropic-version: 2023-06-01'],
    ],
    ['embeddings-elsewhere', 0, { ...embed, user: 'me', input_type: 'query' }, EMBEDDINGS],
    ['embeddings-strictly', 0, { ...embed, model: 'embed-strictly' }, EMBEDDINGS],
    [
      'embeddings-too-many',
      0,
      { ...embed, input: Array.from({ length: 97 }, (_, i) => `text ${i}`) },
      EMBEDDINGS,
    ],
  ])('%s', async (name, code, body, args) => {
    const vendors = path.join(FIXTURES, 'vendors.yaml');
    const outcome = await run(['-f', vendors, '--request', request(name, body), ...args], NOW);
    expect(outcome).toMatchObject({ code, err: '' });
    golden(name, outcome.out);
  });

  it('prints what is unset with --effective alone', async () => {
    const outcome = await run(['-f', SHOP, '--effective', '--labels', 'app=job'], NOW);
    expect(outcome.code).toBe(0);
    golden('effective', outcome.out);
    golden('effective.err', outcome.err);
  });

  it('names the policy behind every effective value', async () => {
    const policies = path.join(FIXTURES, 'policies.yaml');
    const outcome = await run(
      ['-f', policies, '--effective', '--namespace', 'shop', '--platform-namespaces', 'platform'],
      NOW,
    );
    expect(outcome.code).toBe(0);
    golden('effective-policies', outcome.out);
    golden('effective-policies.err', outcome.err);
  });

  it('prints the same as JSON', async () => {
    const outcome = await run(['-f', SHOP, '--effective', '-o', 'json'], NOW);
    const { effective } = JSON.parse(outcome.out) as { effective: { kind: string; defaulted: string[] }[] };
    expect(effective.map(({ kind }) => kind)).toEqual(['LLMRoute', 'LLMRoute', 'LLMProvider', 'LLMProvider']);
    expect(effective[0]?.defaulted).toContain('spec.rules[0].timeouts.connect');
  });

  it.each<[string, string[]]>([
    ['no manifests', ['--request', 'x.json']],
    ['no request', ['-f', SHOP]],
    ['a request that is not there', ['-f', SHOP, '--request', '/nonexistent.json']],
    ['manifests that are not there', ['-f', '/nonexistent.yaml', '--request', 'x.json']],
    ['an output there is not', ['-f', SHOP, '--effective', '-o', 'xml']],
    ['a header without a colon', ['-f', SHOP, '--effective', '-H', 'x-team']],
    ['a label without a value', ['-f', SHOP, '--effective', '--labels', 'app']],
    ['an option there is not', ['-f', SHOP, '--effective', '--nonsense']],
    ['two namespaces and no choice', ['-f', path.join(FIXTURES, 'two-namespaces.yaml'), '--effective']],
  ])('cannot say with %s', async (_, args) => {
    const outcome = await run(args, NOW);
    expect(outcome).toMatchObject({ code: 2, out: '' });
    expect(outcome.err).toMatch(/^outrider explain: \S/);
  });

  it('cannot say where nothing is routed', async () => {
    const args = ['-f', SHOP, '--request', request('models', {}), '--path', '/v1/models'];
    expect(await run(args, NOW)).toMatchObject({
      code: 2,
      err: expect.stringContaining('--path is "/v1/models"'),
    });
  });

  it('runs from the command line, with the request on standard input', async () => {
    const root = path.join(import.meta.dirname, '../..');
    const args = [path.join(root, 'cli/main.ts'), 'explain', '-f', SHOP, '--request', '-'];
    const child = spawn(process.execPath, args);
    child.stdin.end(JSON.stringify(hello));
    const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
    const [out, code] = await Promise.all([text(child.stdout), exit]);
    expect(code).toBe(0);
    expect(out).toContain('route shop/assistant');
  });
});
