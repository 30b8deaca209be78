/** `npm start`, as a newcomer meets it. */
import { type ChildProcess, spawn } from 'node:child_process';
import OpenAI from 'openai';
import { afterEach, expect, test } from 'vitest';

let child: ChildProcess | undefined;
afterEach(async () => {
  if (!child || child.exitCode !== null) return;
  const exited = new Promise((resolve) => child?.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
});

/** Resolves with everything printed so far, once `pattern` is among it. */
function printed(output: { text: string }, pattern: RegExp): Promise<RegExpExecArray> {
  return expect
    .poll(() => pattern.exec(output.text), { timeout: 40_000, interval: 25 })
    .toBeTruthy()
    .then(() => pattern.exec(output.text) as RegExpExecArray);
}

test('starts the whole product, says what to try, shows requests, and ends in order', {
  timeout: 60_000,
}, async () => {
  const output = { text: '' };
  const env = { ...process.env, OPENAI_API_KEY: '', NO_COLOR: '1' };
  child = spawn(process.execPath, ['dev/start.ts'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output.text += chunk.toString()));

  const [, baseURL] = await printed(output, /OPENAI_BASE_URL=(\S+)/);
  await printed(output, /A line per request follows/);
  const openai = new OpenAI({ baseURL, apiKey: 'unused', maxRetries: 0 });
  const messages = [{ role: 'user' as const, content: 'Hello' }];
  const answer = await openai.chat.completions.create({ model: 'assistant', messages }).withResponse();
  expect(answer.response.headers.get('x-outrider-target')).toBe('small');

  const [, control] = await printed(output, /-X PUT (\S+) -d '\{"failure"/);
  await fetch(control as string, { method: 'PUT', body: '{"failure":{"kind":"Status","status":503}}' });
  const second = await openai.chat.completions.create({ model: 'assistant', messages }).withResponse();
  expect(second.response.headers.get('x-outrider-target')).toBe('fallback');
  expect(second.response.headers.get('x-outrider-attempts')).toBe('2');
  await printed(
    output,
    /assistant -> demo\/assistant\/short -> fallback \(scripted-large\) 2 tries: small ServerError, fallback OK/,
  );

  const exited = new Promise((resolve) => child?.once('exit', resolve));
  child.kill('SIGINT');
  expect(await exited).toBe(0);
});
