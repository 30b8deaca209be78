/** `examples/triage` as `outrider run` serves it: no operator, so the sidecar gets the vectors of the examples itself. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { run as explain } from '../../cli/explain.ts';
import { Manifests } from '../../cli/run/manifests.ts';
import { startScriptedProvider } from '../../dev/providers/server.ts';
import { startSidecar } from '../../sidecar/sidecar.ts';
import { callJson } from '../sidecar/support/http.ts';

const EXAMPLE = path.resolve(import.meta.dirname, '../../examples/triage/triage.yaml');
const PROMPTS = [
  ['I want a refund for my last order', 'support'],
  ['has my package arrived', 'support'],
  ['a hard riddle about prime numbers', 'hard'],
  ['an easy riddle about prime numbers', 'rest'],
] as const;
const LOOPBACK = { host: '127.0.0.1', port: 0 };
const bodyOf = (content: string) => ({ model: 'triage', messages: [{ role: 'user', content }] });

it('runs, and is explained without a network', async () => {
  const provider = await startScriptedProvider({ keys: ['sk-scripted-south'] });
  const directory = await mkdtemp(path.join(tmpdir(), 'outrider-triage-'));
  const file = path.join(directory, 'triage.yaml');
  await writeFile(file, readFileSync(EXAMPLE, 'utf8').replace('http://127.0.0.1:4102/v1', provider.url));
  const problems: string[] = [];
  const manifests = new Manifests({
    paths: [file],
    namespace: undefined,
    labels: {},
    env: {},
    onCompiled: (compiled) => problems.push(...compiled.problems),
  });
  const sidecar = await startSidecar({ listen: LOOPBACK, admin: LOOPBACK, source: manifests.source });
  try {
    await manifests.start();
    expect(problems).toEqual([]);
    const taken: unknown[] = [];
    for (const [content] of PROMPTS) {
      const answer = await callJson(`http://127.0.0.1:${sidecar.port}/v1/chat/completions`, bodyOf(content));
      taken.push(answer.headers['x-outrider-rule']);
    }
    expect(taken).toEqual(PROMPTS.map(([, rule]) => rule));

    const count = provider.count;
    const request = path.join(directory, 'request.json');
    await writeFile(request, JSON.stringify(bodyOf(PROMPTS[0][0])));
    const { out, code } = await explain(['-f', file, '--request', request], 0);
    expect(code).toBe(0);
    expect(out).toMatch(/rule hard .*unknown: it is asked of a model/);
    expect(provider.count).toBe(count);
  } finally {
    await manifests.stop();
    await sidecar.close();
    await provider.close();
    await rm(directory, { recursive: true });
  }
});
