/**
 * Every dialect apps speak at every dialect vendors speak, streamed and not, over real HTTP: the caller's stream goes through
 * the strictest reader, the vendor refuses what the real one would. `docs/reference/dialects.md` shows the outcome.
 */
import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Behaviour } from '../../../dev/providers/behaviour.ts';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import type { TestSidecar } from '../support/sidecar.ts';
import { startTestSidecar, until } from '../support/sidecar.ts';
import { type Answered, type Asked, CALLERS, type Caller, call } from './callers.ts';
import { EMBEDDERS } from './embedders.ts';
import { Outcomes, pages } from './page.ts';
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

const embedded = new Outcomes(
  ['openai-embeddings'],
  EMBEDDERS.map(({ dialect }) => dialect),
);

describe.each(EMBEDDERS)('openai-embeddings at $dialect', (vendor) => {
  const connect = (): OpenAI => {
    sidecar.publish(itemsFor(vendor, provider));
    provider.behaviour = {};
    return new OpenAI({ baseURL: `${sidecar.url}/v1`, apiKey: 'placeholder', maxRetries: 0 });
  };

  afterEach(({ task }) => {
    embedded.note('openai-embeddings', vendor.dialect, task.name, task.result?.state === 'pass');
  });

  it('embeds a text, and counts its tokens', async () => {
    const client = connect();
    const before = sidecar.rows.length;
    const { data, usage } = await client.embeddings.create({ model: 'any', input: 'refund of an order' });
    // The client asks for base64 and decodes it.
    expect(data).toHaveLength(1);
    expect(Math.hypot(...(data[0]?.embedding ?? []))).toBeCloseTo(1, 4);
    expect(usage.prompt_tokens).toBeGreaterThan(0);
    await until(() => sidecar.rows.length > before);
    expect(sidecar.rows.at(-1)).toMatchObject({
      operation: 'embeddings',
      source: 'Provider',
      usage: { input: usage.prompt_tokens },
    });
  });

  it('gives numbers where they are asked for', async () => {
    const client = connect();
    const ask = { model: 'any', input: 'refund of an order' } as const;
    const plain = await client.embeddings.create({ ...ask, encoding_format: 'float' });
    const bytes = await client.embeddings.create({ ...ask, encoding_format: 'base64' });
    const [floats] = plain.data;
    const decoded = Buffer.from(bytes.data[0]?.embedding as unknown as string, 'base64');
    expect(Array.from(new Float32Array(decoded.buffer, decoded.byteOffset, decoded.length / 4))).toEqual(
      Array.from(Float32Array.from(floats?.embedding ?? [])),
    );
  });

  it('makes vectors of the length that is asked for', async () => {
    const { data } = await connect().embeddings.create({ model: 'any', input: 'order', dimensions: 256 });
    expect(data[0]?.embedding).toHaveLength(256);
  });

  // oxlint-disable-next-line vitest/no-conditional-tests -- there is nothing to prove of a vendor that takes one
  if (vendor.most > 1) {
    it('embeds several texts, in their order', async () => {
      const client = connect();
      const ask = (input: string | string[]) => client.embeddings.create({ model: 'any', input });
      const [both, first, second] = await Promise.all([
        ask(['refund', 'delivery']),
        ask('refund'),
        ask('delivery'),
      ]);
      expect(both.data.map(({ embedding }) => embedding)).toEqual([
        first.data[0]?.embedding,
        second.data[0]?.embedding,
      ]);
    });
  }

  // oxlint-disable-next-line vitest/no-conditional-tests -- there is nothing to refuse for one that takes what apps may send
  if (vendor.most < 2048) {
    it('is passed over for more texts than it takes, and for token ids', async () => {
      const client = connect();
      const many = Array.from({ length: vendor.most + 1 }, (_, i) => `text ${i}`);
      await expect(client.embeddings.create({ model: 'any', input: many })).rejects.toThrow(
        `it has ${vendor.most + 1} texts`,
      );
      await expect(client.embeddings.create({ model: 'any', input: [1, 2, 3] })).rejects.toThrow(
        'not token ids',
      );
    });
  }

  it('tells of a refusal in its own words', async () => {
    const client = connect();
    provider.behaviour = {
      failure: {
        kind: 'Status',
        status: 400,
        type: 'invalid_request_error',
        message: 'the moon is too bright',
      },
    };
    await expect(client.embeddings.create({ model: 'any', input: 'order' })).rejects.toThrow(
      'the moon is too bright',
    );
  });
});

it('is what the page shows', () => {
  const { due, found } = pages(outcomes, embedded);
  expect(found).toBe(due);
});
