/** Vercel's AI SDK, unchanged, with its providers for OpenAI (both APIs) and Anthropic. */
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { APICallError, generateText, isStepCount, type ModelMessage, Output, streamText, tool } from 'ai';
import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { VENDORS } from '../matrix/vendors.ts';
import { until } from '../support/sidecar.ts';
import {
  ASK_BOTH,
  ASK_ONE,
  atEveryVendor,
  atVendors,
  FORMS,
  MODEL,
  SAID,
  TIME_ARGUMENTS,
  WEATHER_ARGUMENTS,
} from './lab.ts';

globalThis.AI_SDK_LOG_WARNINGS = false;

const place = z.object({ city: z.string(), mild: z.boolean() });

/** By provider; the Responses API of OpenAI is what its provider speaks unless told otherwise. */
const PROVIDERS = {
  'openai.chat': (url: string) => createOpenAI({ baseURL: `${url}/v1`, apiKey: 'placeholder' }).chat(MODEL),
  'openai.responses': (url: string) => createOpenAI({ baseURL: `${url}/v1`, apiKey: 'placeholder' })(MODEL),
  anthropic: (url: string) => createAnthropic({ baseURL: `${url}/v1`, apiKey: 'placeholder' })(MODEL),
};
type Name = keyof typeof PROVIDERS;
const NAMES = Object.keys(PROVIDERS) as Name[];

atEveryVendor((lab, vendor) => {
  describe.each(NAMES)('with %s', (name) => {
    let model: ReturnType<(typeof PROVIDERS)[Name]>;
    beforeEach(() => {
      model = PROVIDERS[name](lab.sidecar.url);
    });
    // Unless told that nothing is kept, its provider for responses refers to earlier answers instead of repeating them.
    const refers = name === 'openai.responses' && vendor.dialect !== 'openai-responses';
    const base = { maxRetries: 0, ...(refers && { providerOptions: { openai: { store: false } } }) };

    describe.each(FORMS)('%s', (_, streamed) => {
      it('converses over several turns and runs tools by itself', async () => {
        const got: unknown[] = [];
        const execute = (input: unknown) => {
          got.push(input);
          return { ok: true };
        };
        const tools = {
          get_weather: tool({ inputSchema: z.object({ city: z.string(), days: z.int() }), execute }),
          get_time: tool({ inputSchema: z.object({ zone: z.string() }), execute }),
        };
        const messages: ModelMessage[] = [];
        lab.provider.behaviour = { text: SAID };
        for (const content of [ASK_BOTH, ASK_ONE]) {
          messages.push({ role: 'user', content });
          const options = {
            ...base,
            model,
            messages,
            tools,
            instructions: 'Be brief.',
            stopWhen: isStepCount(4),
          };
          const result = streamed ? streamText(options) : await generateText(options);
          expect(await result.text).toBe(SAID);
          expect(await result.finishReason).toBe('stop');
          expect((await result.steps).map(({ finishReason }) => finishReason)).toEqual([
            'tool-calls',
            'stop',
          ]);
          expect((await result.totalUsage).totalTokens).toBeGreaterThan(0);
          messages.push(...(await result.response).messages);
        }
        expect(got).toEqual([WEATHER_ARGUMENTS, TIME_ARGUMENTS, WEATHER_ARGUMENTS]);
        expect(lab.asked()).toHaveLength(4);
      });

      it('makes objects by a schema', async () => {
        const options = { ...base, model, prompt: 'Where?', output: Output.object({ schema: place }) };
        const result = streamed ? streamText(options) : await generateText(options);
        expect(await result.output).toEqual({ city: 'example', mild: true });
      });
    });

    it.each([400, 401, 404, 429, 503])('raises a %i of the vendor', async (status) => {
      lab.provider.behaviour = { failure: { kind: 'Status', status, message: 'the moon is too bright' } };
      const failing = generateText({ ...base, model, prompt: 'Hello' });
      await expect(failing).rejects.toSatisfy(
        (error) =>
          APICallError.isInstance(error) &&
          error.statusCode === status &&
          error.message.includes('the moon is too bright'),
      );
    });

    it('aborts, and the vendor is told', async () => {
      lab.provider.behaviour = { tokensPerSecond: 50, outputTokens: 1000 };
      const controller = new AbortController();
      const { textStream } = streamText({
        ...base,
        model,
        prompt: 'Hello',
        abortSignal: controller.signal,
        onError: () => undefined,
      });
      for await (const piece of textStream) if (piece.includes('brown')) controller.abort();
      expect(await lab.provider.requests[0]?.closed).toBe(true);
      await until(() => lab.sidecar.rows.length === 1);
      expect(lab.sidecar.rows[0]).toMatchObject({ outcome: 'Cancelled' });
    });
  });
});

atVendors(
  VENDORS.filter(({ dialect }) => dialect !== 'openai-responses'),
  (lab) => {
    it('is told at once where nothing is kept to refer to', async () => {
      const model = PROVIDERS['openai.responses'](lab.sidecar.url);
      const first = await generateText({ model, maxRetries: 0, prompt: 'Hello' });
      const messages: ModelMessage[] = [...first.response.messages, { role: 'user', content: 'And?' }];
      const failing = generateText({ model, maxRetries: 0, messages });
      await expect(failing).rejects.toThrow('what a vendor keeps cannot be translated');
    });
  },
);
