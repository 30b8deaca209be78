import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import { createTelemetry } from '../../../sidecar/telemetry/create.ts';
import { shownPrompt } from '../../../sidecar/telemetry/shown-prompt.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { callJson } from '../support/http.ts';
import { startTestSidecar } from '../support/sidecar.ts';
import { logFile } from './support.ts';

describe('what is shown of a prompt', () => {
  it.each([
    [['first', 'second'], 100, 'first\nsecond'],
    [['first', 'second'], 9, 'st\nsecond'],
    [['first', 'second'], 7, 'second'],
    [['first', 'second'], 3, 'ond'],
    [['grüße'], 4, 'ße'],
    [['a🙂'], 4, '🙂'],
    [['a🙂'], 3, ''],
    [[], 10, ''],
    [['', 'ab', 'c'], 5, '\nab\nc'],
  ])('%j in %i bytes', (texts, bytes, shown) => {
    expect(shownPrompt(texts, bytes)).toBe(shown);
  });

  it('is never longer than allowed, never half a character, and the end of what was written', () => {
    const texts = fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { maxLength: 4 });
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 60 }), (written, bytes) => {
        const shown = shownPrompt(written, bytes);
        const whole = written.join('\n');
        expect(Buffer.byteLength(shown)).toBeLessThanOrEqual(bytes);
        expect(`\n${whole}`.endsWith(shown)).toBe(true);
        expect(shown === whole || Buffer.byteLength(whole) > bytes).toBe(true);
      }),
    );
  });
});

describe('the access log', () => {
  let provider: ScriptedProvider;
  beforeAll(async () => {
    provider = await startScriptedProvider();
  });
  afterAll(() => provider.close());

  async function logged(limits: { logContentBytes?: number }): Promise<object> {
    const file = logFile();
    const models = [{ name: 'small', upstreamName: 'scripted-small' }];
    const sidecar = await startTestSidecar(
      [
        providerItem('main', provider.url, { models }),
        routeItem('assistant', ['*'], [rule([target('main', { model: 'small' })])]),
      ],
      {
        limits,
        telemetry: (gauges) =>
          createTelemetry({
            version: '1',
            gauges,
            env: {},
            accessLog: { destination: file.path },
            warn: () => {},
          }),
      },
    );
    const messages = [
      { role: 'system', content: 'a secret of the system' },
      { role: 'user', content: 'what the user wrote' },
    ];
    const answer = await callJson(`${sidecar.url}/v1/chat/completions`, { model: 'x', messages });
    expect(answer.status).toBe(200);
    await sidecar.close();
    expect(file.text()).not.toContain('a secret of the system');
    const [record] = file.records();
    if (!record) throw new Error('nothing was logged');
    return record;
  }

  it('shows nothing of a prompt by default', async () => {
    const record = await logged({});
    expect(record).not.toHaveProperty('prompt');
    expect(JSON.stringify(record)).not.toContain('user wrote');
  });

  it('shows the end of what the user wrote where its owner asks for it', async () => {
    expect(await logged({ logContentBytes: 10 })).toMatchObject({ prompt: 'user wrote' });
  });
});
