/**
 * Every dialect apps speak at every dialect vendors speak, streamed and not, over real HTTP: the caller's stream goes through
 * the strictest reader, the vendor refuses what the real one would. `docs/reference/dialects.md` shows the outcome.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Behaviour } from '../../../dev/providers/behaviour.ts';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import type { TestSidecar } from '../support/sidecar.ts';
import { startTestSidecar } from '../support/sidecar.ts';
import { type Answered, type Asked, CALLERS, type Caller, call } from './callers.ts';
import { Outcomes } from './page.ts';
import { itemsFor, VENDORS, type VendorCase } from './vendors.ts';

const WEATHER = {
  name: 'get_weather',
  description: 'The weather at a place.',
  schema: {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer' } },
    required: ['city'],
    additionalProperties: false,
  },
};
const TIME = {
  name: 'get_time',
  description: 'The time at a place.',
  schema: { type: 'object', properties: { zone: { type: 'string' } }, required: ['zone'] },
};
const PIXEL = {
  mediaType: 'image/png',
  data: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
};

let provider: ScriptedProvider;
let sidecar: TestSidecar;
beforeAll(async () => {
  provider = await startScriptedProvider({ keys: ['sk-test'] });
  sidecar = await startTestSidecar(undefined);
});
afterAll(async () => {
  await sidecar.close();
  await provider.close();
});

const pairs = CALLERS.flatMap((caller) =>
  VENDORS.map((vendor): [string, Caller, VendorCase] => [
    `${caller.dialect} at ${vendor.dialect}`,
    caller,
    vendor,
  ]),
);
const outcomes = new Outcomes(
  CALLERS.map(({ dialect }) => dialect),
  VENDORS.map(({ dialect }) => dialect),
);
const forms = [
  ['whole', false],
  ['streamed', true],
] as const;

describe.each(pairs)('%s', (_, caller, vendor) => {
  describe.each(forms)('%s', (_form, stream) => {
    async function ask(
      asked: Asked,
      behaviour: Behaviour = {},
    ): Promise<{ body: Record<string, unknown>; got: Answered }> {
      sidecar.publish(itemsFor(vendor, provider));
      provider.behaviour = behaviour;
      const body = caller.request(asked, stream);
      return { body, got: await send(body) };
    }

    async function send(body: Record<string, unknown>): Promise<Answered> {
      const answer = await call(sidecar.url, caller, body);
      if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`);
      expect(answer.headers['content-type']).toMatch(stream ? /^text\/event-stream/ : /^application\/json/);
      return caller.read(answer, stream, caller.dialect === vendor.dialect);
    }

    afterEach(({ task }) => {
      outcomes.note(caller.dialect, vendor.dialect, task.name, task.result?.state === 'pass');
    });

    it('brings text', async () => {
      const text = 'Grüße, 世界 😀: "quoted" \\ and\nnew lines';
      const { got } = await ask({ system: 'Be brief.', user: 'Hello' }, { text, cachedTokens: 7 });
      expect(got).toMatchObject({ text, calls: [], stop: 'Done' });
      expect(got.usage.output).toBeGreaterThan(0);
      expect(got.usage.input).toBeGreaterThan(got.usage.cached);
    });

    it('stops at the cap', async () => {
      const { got } = await ask({ user: 'Hello', cap: 16 }, { outputTokens: 40 });
      expect(got.stop).toBe('Cap');
      expect(got.text.split(' ').length).toBeLessThan(40);
    });

    it('calls tools, takes their results, and goes on', async () => {
      const tools = [WEATHER, TIME];
      const { body, got } = await ask({ user: 'Use get_weather and get_time', tools });
      expect(got.stop).toBe('Calls');
      const names = got.calls.map(({ name }) => name);
      expect(names[0]).toBe('get_weather');
      expect(got.calls[0]?.arguments).toMatchObject({ city: expect.any(String) });
      const more = caller.withResults(
        body,
        got,
        names.map(() => '{"ok":true}'),
        '',
      );
      provider.behaviour = { text: 'It rains at noon.' };
      expect(await send(more)).toMatchObject({ text: 'It rains at noon.', stop: 'Done' });
    });

    it('forces a tool', async () => {
      const { got } = await ask({ user: 'Hello', tools: [WEATHER, TIME], force: 'get_time' });
      expect(got.calls.map(({ name }) => name)).toEqual(['get_time']);
    });

    it('keeps to a schema', async () => {
      const schema = {
        type: 'object',
        properties: { city: { type: 'string' }, mild: { type: 'boolean' } },
        required: ['city', 'mild'],
        additionalProperties: false,
      };
      const { got } = await ask(
        { user: 'Where?', schema },
        vendor.dialect === 'openai-chat' ? { text: '{"city":"Bonn","mild":true}' } : {},
      );
      expect(JSON.parse(got.text)).toMatchObject({ city: expect.any(String), mild: expect.any(Boolean) });
      expect(got.stop).toBe('Done');
    });

    it('shows an image', async () => {
      await ask({ user: 'What is it?', image: PIXEL }, { text: 'A dot.' });
      expect(provider.requests.at(-1)?.body.toString()).toContain(PIXEL.data);
    });

    // oxlint-disable-next-line vitest/no-conditional-tests -- a vendor that shows no thinking has nothing to prove
    if (vendor.showsThinking) {
      it('thinks, calls, and is given its thinking back', async () => {
        const asked = { user: 'Think, then use get_weather', tools: [WEATHER], thinks: true };
        const { body, got } = await ask(asked, { reasoningTokens: 9 });
        // OpenAI's chat has no way to ask for it; some vendors show it all the same.
        expect(caller.dialect === 'openai-chat' || got.thinking !== '').toBe(true);
        expect(got.calls.map(({ name }) => name)).toEqual(['get_weather']);
        provider.behaviour = { text: 'Sunny.' };
        const more = await send(caller.withResults(body, got, ['sunny'], ''));
        expect(more.text).toBe('Sunny.');
        // The vendor checks what it signed; here it must have come back at all.
        expect(provider.requests.at(-1)?.body.toString()).toMatch(
          /signature|thoughtSignature|encrypted_content/i,
        );
      });
    }

    it('tells of a refusal in its own words', async () => {
      sidecar.publish(itemsFor(vendor, provider));
      provider.behaviour = {
        failure: {
          kind: 'Status',
          status: 400,
          type: 'invalid_request_error',
          message: 'the moon is too bright',
        },
      };
      const error = caller.readError(
        await call(sidecar.url, caller, caller.request({ user: 'Hello' }, stream)),
      );
      expect(error).toMatchObject({ status: 400, type: 'invalid_request_error' });
      expect(error.message).toContain('the moon is too bright');
    });
  });
});

it('is what the page shows', () => {
  const { due, found } = outcomes.pages();
  expect(found).toBe(due);
});
