import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../dev/providers/server.ts';
import { callJson } from '../sidecar/support/http.ts';
import { until } from '../sidecar/support/sidecar.ts';
import { ENVIRONMENT } from './support/run.ts';

const MAIN = path.resolve(import.meta.dirname, '../../cli/main.ts');

let directory: string;
let provider: ScriptedProvider;
let child: ChildProcess | undefined;
let out = '';

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'outrider-run-'));
  provider = await startScriptedProvider({ keys: ['sk-from-env'] });
  out = '';
});

afterEach(async () => {
  child?.kill('SIGKILL');
  await provider.close();
  await rm(directory, { recursive: true });
});

function outrider(args: string[], env: Record<string, string> = {}): Promise<number | null> {
  child = spawn(process.execPath, [MAIN, ...args], { env: { ...ENVIRONMENT, ...env } });
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (out += chunk.toString()));
  return new Promise((resolve) => child?.on('exit', resolve));
}

const PROVIDER = (url: string) => `
apiVersion: outrider.dev/v1alpha1
kind: LLMProvider
metadata: { name: main, namespace: shop }
spec:
  type: OpenAICompatible
  endpoint: { url: ${url} }
  credentials:
  - { name: main, type: APIKey, secretRef: { name: keys, key: api-key } }
  models:
  - name: scripted-large
    pricing: [{ unit: InputToken, perMillion: "1" }, { unit: OutputToken, perMillion: "2" }]
`;

const ROUTE = (models: string, more = '') => `
apiVersion: outrider.dev/v1alpha1
kind: LLMRoute
metadata: { name: assistant, namespace: shop }
spec:
  models: [${models}]
  rules:
  - name: main
    targets:
    - { name: main, provider: { name: main }, model: scripted-large${more} }
`;

const write = (name: string, text: string) => writeFile(path.join(directory, name), text);
const ask = { model: 'assistant', messages: [{ role: 'user', content: 'hi' }] };

describe('outrider run', () => {
  it('serves manifests, follows their changes, and says what happens', async () => {
    await write('provider.yaml', PROVIDER(provider.url));
    await write('route.yaml', ROUTE('assistant'));
    const ended = outrider(['run', '-f', directory, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'], {
      OUTRIDER_SECRET_KEYS_API_KEY: 'sk-from-env',
    });
    await until(() => /admin on http/.test(out));
    expect(out).toContain('serving assistant in namespace shop');
    const [, url = ''] = /listening on (\S+)/.exec(out) ?? [];
    const answer = await callJson(`${url}/chat/completions`, ask);
    expect(answer.status).toBe(200);
    await until(() =>
      /200 assistant -> shop\/assistant\/main -> main \(scripted-large\) \d+\+\d+ tok \$0\.\d+ \d+ ms/.test(
        out,
      ),
    );

    await write('route.yaml', ROUTE('assistant, helper'));
    await until(() => out.includes('serving assistant, helper in namespace shop'));
    expect((await callJson(`${url}/chat/completions`, { ...ask, model: 'helper' })).status).toBe(200);

    // A mistake is told with its place, and what ran goes on running.
    await write('route.yaml', ROUTE('assistant, helper', ', weigth: 3'));
    await until(() => /route\.yaml:\d+: .*weigth/.test(out));
    expect((await callJson(`${url}/chat/completions`, { ...ask, model: 'helper' })).status).toBe(200);

    child?.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  it('names the place of what is missing', async () => {
    await write('all.yaml', `${PROVIDER(provider.url)}---${ROUTE('assistant')}`);
    const ended = outrider(['run', '-f', directory, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']);
    await until(() => /admin on http/.test(out));
    expect(out).toMatch(/all\.yaml:\d+: .*OUTRIDER_SECRET_KEYS_API_KEY/);
    child?.kill('SIGINT');
    expect(await ended).toBe(0);
  });

  it.each([
    [['run'], 2, '-f FILE|DIR is required'],
    [['run', '-f', '.', '--listen', 'here'], 2, '--listen is "here"; it must be HOST:PORT'],
    [['run', '--help'], 0, 'usage: outrider run -f'],
    [['sidecar'], 2, '--operator is required'],
    [['sidecar', '--operator', 'https://x', '--startup', 'Maybe'], 2, 'it must be Wait or Proceed'],
    [
      ['sidecar', '--operator', 'https://x', '--memory-bytes', '1'],
      2,
      '--memory-bytes is "1"; it must be an integer',
    ],
    [['sidecar', '--help'], 0, 'OUTRIDER_STATE_DIR'],
  ])('%j exits with %i', async (args, code, text) => {
    expect(await outrider(args)).toBe(code);
    expect(out).toContain(text);
  });

  it.each(['listen', 'admin'])('ends where the port of --%s is taken, and says what to do', async (taken) => {
    const free = taken === 'listen' ? 'admin' : 'listen';
    const ports = [`--${taken}`, `127.0.0.1:${provider.port}`, `--${free}`, '127.0.0.1:0'];
    expect(await outrider(['run', '-f', directory, ...ports])).toBe(1);
    expect(out).toContain(
      `outrider run: port ${provider.port} is taken by another process (EADDRINUSE): choose another with --${taken} HOST:PORT or OUTRIDER_${taken.toUpperCase()}`,
    );
  });

  it('names file, line and field of each mistake once, and counts no route that is not served', async () => {
    await write('provider.yaml', PROVIDER(provider.url));
    await write('wrong.yaml', ROUTE('assistant', ', weigth: 3'));
    const two = ROUTE('helper')
      .replace('name: assistant', 'name: helper')
      .replaceAll('{ name: main, provider: { name: main }', '{ name: main, provider: { name: mian }');
    await write('lost.yaml', `${two}    - { name: spare, provider: { name: other }, priority: 1 }\n`);
    const ended = outrider(['run', '-f', directory, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'], {
      OUTRIDER_SECRET_KEYS_API_KEY: 'sk-from-env',
    });
    await until(() => /admin on http/.test(out));
    const said = (file: string) => out.split('\n').filter((line) => line.includes(`/${file}:`));
    expect(said('wrong.yaml')).toEqual([
      expect.stringMatching(
        /wrong\.yaml:10: LLMRoute shop\/assistant spec\.rules\[0\]\.targets\[0\]\.weigth: unknown field; did you mean weight\?/,
      ),
    ]);
    expect(said('lost.yaml')).toEqual([
      expect.stringMatching(
        /lost\.yaml:10: LLMRoute shop\/helper: .*no provider mian .*did you mean "main"\?/,
      ),
      expect.stringMatching(/lost\.yaml:11: LLMRoute shop\/helper: .*no provider other/),
    ]);
    expect(out).toContain('serving helper in namespace shop');
    child?.kill('SIGTERM');
    expect(await ended).toBe(0);
  });
});
