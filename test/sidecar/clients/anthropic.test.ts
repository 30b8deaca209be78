/** Anthropic's own client, unchanged: messages, stream helper, tools and their runner, thinking, structured outputs, errors, aborts. */
import Anthropic, { APIError, RateLimitError } from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { until } from '../support/sidecar.ts';
import {
  ASK_BOTH,
  ASK_ONE,
  atEveryVendor,
  ERROR_CLASSES,
  FORMS,
  MODEL as model,
  SAID,
  TIME,
  TIME_ARGUMENTS,
  WEATHER,
  WEATHER_ARGUMENTS,
} from './lab.ts';

const tools = [WEATHER, TIME].map(({ name, description, schema: input_schema }) => ({
  name,
  description,
  input_schema,
}));
const base = { model, max_tokens: 4000 };

atEveryVendor((lab, vendor) => {
  let client: Anthropic;
  beforeEach(() => {
    client = new Anthropic({ baseURL: lab.sidecar.url, apiKey: 'placeholder', maxRetries: 0 });
  });

  describe.each(FORMS)('%s', (_, streamed) => {
    async function ask(
      messages: Anthropic.MessageParam[],
      more: Partial<Anthropic.MessageCreateParamsNonStreaming> = {},
    ): Promise<Anthropic.Message> {
      const body = { ...base, tools, messages, system: 'Be brief.', ...more };
      const message = streamed
        ? await client.messages.stream(body).finalMessage()
        : await client.messages.create(body);
      expect(message.usage.input_tokens + message.usage.output_tokens).toBeGreaterThan(0);
      return message;
    }

    async function converse(
      more: Partial<Anthropic.MessageCreateParamsNonStreaming>,
    ): Promise<Anthropic.Message[]> {
      const messages: Anthropic.MessageParam[] = [{ role: 'user', content: ASK_BOTH }];
      const got: Anthropic.Message[] = [];
      for (const wanted of [[WEATHER_ARGUMENTS, TIME_ARGUMENTS], [WEATHER_ARGUMENTS]]) {
        lab.provider.behaviour = { reasoningTokens: 9 };
        const called = await ask(messages, more);
        expect(called.stop_reason).toBe('tool_use');
        const calls = called.content.filter((block) => block.type === 'tool_use');
        expect(calls.map(({ input }) => input)).toEqual(wanted);
        messages.push({ role: 'assistant', content: called.content });
        messages.push({
          role: 'user',
          content: calls.map(({ id }) => ({
            type: 'tool_result' as const,
            tool_use_id: id,
            content: '{"ok":true}',
          })),
        });
        lab.provider.behaviour = { text: SAID };
        const said = await ask(messages, more);
        expect(said.stop_reason).toBe('end_turn');
        expect(said.content.filter(({ type }) => type === 'text')).toMatchObject([{ text: SAID }]);
        messages.push({ role: 'assistant', content: said.content }, { role: 'user', content: ASK_ONE });
        got.push(called, said);
      }
      expect(lab.asked()).toHaveLength(4);
      return got;
    }

    it('converses over several turns with tools', async () => {
      await converse({});
      await until(() => lab.sidecar.rows.length === 4);
      expect(lab.sidecar.rows.map(({ source }) => source)).toEqual(Array(4).fill('Provider'));
    });

    it('converses while thinking', async () => {
      const messages = await converse({ thinking: { type: 'enabled', budget_tokens: 1024 } });
      const thoughts = messages.flatMap(({ content }) => content.filter(({ type }) => type === 'thinking'));
      // A vendor that shows none has none to give.
      expect(thoughts.length > 0).toBe(vendor.showsThinking);
    });

    it('runs tools by itself', async () => {
      lab.provider.behaviour = { text: SAID };
      const got: unknown[] = [];
      const run = (input: unknown): string => {
        got.push(input);
        return '{"ok":true}';
      };
      const runnable = [
        betaTool({ name: WEATHER.name, description: WEATHER.description, inputSchema: WEATHER.schema, run }),
        betaTool({ name: TIME.name, description: TIME.description, inputSchema: TIME.schema, run }),
      ];
      const body = { ...base, messages: [{ role: 'user' as const, content: ASK_BOTH }], tools: runnable };
      const runner = streamed
        ? client.beta.messages.toolRunner({ ...body, stream: true })
        : client.beta.messages.toolRunner(body);
      const last = await runner.runUntilDone();
      // Some vendors sign what they say, which comes as thinking without words.
      expect(last.content.filter(({ type }) => type === 'text')).toMatchObject([{ text: SAID }]);
      expect(got).toEqual([WEATHER_ARGUMENTS, TIME_ARGUMENTS]);
    });

    it('parses structured outputs', async () => {
      const format = zodOutputFormat(z.object({ city: z.string(), mild: z.boolean() }));
      const body = {
        ...base,
        messages: [{ role: 'user' as const, content: 'Where?' }],
        output_config: { format },
      };
      const message = streamed
        ? await client.messages.stream(body).finalMessage()
        : await client.messages.parse(body);
      expect(message.parsed_output).toEqual({ city: 'example', mild: true });
    });
  });

  const hello = { ...base, messages: [{ role: 'user' as const, content: 'Hello' }] };

  it('counts tokens', async () => {
    const { input_tokens } = await client.messages.countTokens({ model, messages: hello.messages });
    expect(input_tokens).toBeGreaterThan(0);
  });

  it.each(ERROR_CLASSES)('raises a %i of the vendor as %s', async (status, name) => {
    lab.provider.behaviour = { failure: { kind: 'Status', status, message: 'the moon is too bright' } };
    for (const fails of [
      async () => client.messages.create(hello),
      async () => client.messages.stream(hello).finalMessage(),
    ]) {
      await expect(fails()).rejects.toSatisfy(
        (error) => error instanceof Anthropic[name] && error.status === status,
        `a ${name}`,
      );
    }
  });

  it('aborts, and the vendor is told', async () => {
    lab.provider.behaviour = { tokensPerSecond: 50, outputTokens: 1000 };
    const stream = await client.messages.create({ ...hello, stream: true });
    for await (const event of stream) if (JSON.stringify(event).includes('brown')) break;
    stream.controller.abort();
    expect(await lab.provider.requests[0]?.closed).toBe(true);
    await until(() => lab.sidecar.rows.length === 1);
    expect(lab.sidecar.rows[0]).toMatchObject({ outcome: 'Cancelled' });
  });

  it('raises an error where a stream breaks off', async () => {
    lab.provider.behaviour = { failure: { kind: 'DieMidStream', afterEvents: 6 } };
    const failing = client.messages.stream(hello).finalMessage();
    await expect(failing).rejects.toBeInstanceOf(APIError);
  });

  it('lists what there is', async () => {
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual([model]);
  });

  // Last: until then the key is left alone.
  it('is told when to come again', async () => {
    lab.provider.behaviour = { failure: { kind: 'RateLimited', ms: 7000 } };
    const error = await client.messages.create(hello).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RateLimitError);
    expect(Number((error as RateLimitError).headers.get('retry-after'))).toBe(7);
  });
});
