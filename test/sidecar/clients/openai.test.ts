/** OpenAI's own client, unchanged: chat, responses, helpers of both, structured outputs, errors, aborts. */
import OpenAI, { APIError, RateLimitError } from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
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

type Message = OpenAI.ChatCompletionMessageParam;

const chatTools = [WEATHER, TIME].map(({ name, description, schema }) => ({
  type: 'function' as const,
  function: { name, description, parameters: schema },
}));
const responseTools = [WEATHER, TIME].map(({ name, description, schema }) => ({
  type: 'function' as const,
  name,
  description,
  parameters: schema,
  strict: true,
}));
const Place = z.object({ city: z.string(), mild: z.boolean() });

atEveryVendor((lab, vendor) => {
  let client: OpenAI;
  beforeEach(() => {
    client = new OpenAI({ baseURL: `${lab.sidecar.url}/v1`, apiKey: 'placeholder', maxRetries: 0 });
  });

  describe.each(FORMS)('chat, %s', (_, streamed) => {
    async function chat(messages: Message[]): Promise<OpenAI.ChatCompletion.Choice> {
      const body = { model, messages, tools: chatTools };
      const completion = streamed
        ? await client.chat.completions
            .stream({ ...body, stream_options: { include_usage: true } })
            .finalChatCompletion()
        : await client.chat.completions.create(body);
      expect(completion.usage?.total_tokens).toBeGreaterThan(0);
      return completion.choices[0] as OpenAI.ChatCompletion.Choice;
    }

    it('converses over several turns with tools', async () => {
      const messages: Message[] = [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: ASK_BOTH },
      ];
      for (const wanted of [[WEATHER_ARGUMENTS, TIME_ARGUMENTS], [WEATHER_ARGUMENTS]]) {
        lab.provider.behaviour = {};
        const called = await chat(messages);
        expect(called.finish_reason).toBe('tool_calls');
        const calls = (called.message.tool_calls ?? []).filter((call) => call.type === 'function');
        expect(calls.map((call) => JSON.parse(call.function.arguments) as unknown)).toEqual(wanted);
        expect(new Set(calls.map(({ id }) => id)).size).toBe(wanted.length);
        messages.push(called.message);
        for (const { id } of calls) messages.push({ role: 'tool', tool_call_id: id, content: '{"ok":true}' });
        lab.provider.behaviour = { text: SAID };
        const said = await chat(messages);
        expect(said).toMatchObject({ finish_reason: 'stop', message: { content: SAID } });
        messages.push(said.message, { role: 'user', content: ASK_ONE });
      }
      expect(lab.asked()).toHaveLength(4);
      await until(() => lab.sidecar.rows.length === 4);
      expect(lab.sidecar.rows.map(({ source }) => source)).toEqual(Array(4).fill('Provider'));
    });

    it('runs tools by itself', async () => {
      lab.provider.behaviour = { text: SAID };
      const got: unknown[] = [];
      const tools = [WEATHER, TIME].map(({ name, description, schema }) => ({
        type: 'function' as const,
        function: {
          name,
          description,
          parameters: schema,
          parse: JSON.parse,
          function: (input: unknown) => {
            got.push(input);
            return { ok: true };
          },
        },
      }));
      const messages: Message[] = [{ role: 'user', content: ASK_BOTH }];
      const runner = streamed
        ? client.chat.completions.runTools({ model, messages, tools, stream: true })
        : client.chat.completions.runTools({ model, messages, tools });
      expect(await runner.finalContent()).toBe(SAID);
      expect(got).toEqual([WEATHER_ARGUMENTS, TIME_ARGUMENTS]);
      expect(lab.asked()).toHaveLength(2);
    });

    it('parses structured outputs', async () => {
      const body = {
        model,
        messages: [{ role: 'user' as const, content: 'Where?' }],
        response_format: zodResponseFormat(Place, 'place'),
      };
      const completion = streamed
        ? await client.chat.completions.stream(body).finalChatCompletion()
        : await client.chat.completions.parse(body);
      expect(completion.choices[0]?.message.parsed).toEqual({ city: 'example', mild: true });
    });
  });

  describe.each(FORMS)('responses, %s', (_, streamed) => {
    async function respond(input: OpenAI.Responses.ResponseInput): Promise<OpenAI.Responses.Response> {
      const body = { model, input, tools: responseTools, instructions: 'Be brief.' };
      const response = streamed
        ? await client.responses.stream(body).finalResponse()
        : await client.responses.create(body);
      expect(response.status).toBe('completed');
      expect(response.usage?.total_tokens).toBeGreaterThan(0);
      return response;
    }

    it('converses over several turns with tools', async () => {
      const input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: ASK_BOTH }];
      for (const wanted of [[WEATHER_ARGUMENTS, TIME_ARGUMENTS], [WEATHER_ARGUMENTS]]) {
        lab.provider.behaviour = {};
        const called = await respond(input);
        const calls = called.output.filter((item) => item.type === 'function_call');
        expect(calls.map((call) => JSON.parse(call.arguments) as unknown)).toEqual(wanted);
        input.push(...(called.output as OpenAI.Responses.ResponseInput));
        for (const { call_id } of calls) {
          input.push({ type: 'function_call_output', call_id, output: '{"ok":true}' });
        }
        lab.provider.behaviour = { text: SAID };
        const said = await respond(input);
        expect(said.output_text).toBe(SAID);
        input.push(...(said.output as OpenAI.Responses.ResponseInput), { role: 'user', content: ASK_ONE });
      }
      expect(lab.asked()).toHaveLength(4);
    });

    it('parses structured outputs', async () => {
      const body = {
        model,
        input: 'Where?',
        text: { format: zodTextFormat(Place, 'place') },
      };
      const response = streamed
        ? await client.responses.stream(body).finalResponse()
        : await client.responses.parse(body);
      expect(response.output_parsed).toEqual({ city: 'example', mild: true });
    });
  });

  const hello: Message[] = [{ role: 'user', content: 'Hello' }];

  it.each(ERROR_CLASSES)('raises a %i of the vendor as %s', async (status, name) => {
    lab.provider.behaviour = { failure: { kind: 'Status', status, message: 'the moon is too bright' } };
    for (const fails of [
      async () => client.chat.completions.create({ model, messages: hello }),
      async () => client.responses.create({ model, input: 'Hello', stream: true }),
    ]) {
      await expect(fails()).rejects.toSatisfy(
        (error) => error instanceof OpenAI[name] && error.status === status,
        `a ${name}`,
      );
    }
  });

  it.each(['chat', 'responses'])('aborts %s, and the vendor is told', async (api) => {
    lab.provider.behaviour = { tokensPerSecond: 50, outputTokens: 1000 };
    const stream =
      api === 'chat'
        ? await client.chat.completions.create({ model, messages: hello, stream: true })
        : await client.responses.create({ model, input: 'Hello', stream: true });
    for await (const event of stream) if (JSON.stringify(event).includes('brown')) break;
    stream.controller.abort();
    expect(await lab.provider.requests[0]?.closed).toBe(true);
    await until(() => lab.sidecar.rows.length === 1);
    expect(lab.sidecar.rows[0]).toMatchObject({ outcome: 'Cancelled' });
  });

  it.each(['chat', 'responses'])('raises an error where %s breaks off', async (api) => {
    lab.provider.behaviour = { failure: { kind: 'DieMidStream', afterEvents: 6 } };
    const stream =
      api === 'chat'
        ? await client.chat.completions.create({ model, messages: hello, stream: true })
        : await client.responses.create({ model, input: 'Hello', stream: true });
    const read = async (): Promise<void> => {
      for await (const event of stream) expect(event).toBeTypeOf('object');
    };
    await expect(read()).rejects.toBeInstanceOf(APIError);
  });

  it('lists what there is', async () => {
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual([model]);
    expect(vendor.model).not.toBe(model);
  });

  // Last: until then the key is left alone.
  it('is told when to come again', async () => {
    lab.provider.behaviour = { failure: { kind: 'RateLimited', ms: 7000 } };
    const error = await client.chat.completions
      .create({ model, messages: hello })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RateLimitError);
    expect(Number((error as RateLimitError).headers.get('retry-after'))).toBe(7);
  });
});
