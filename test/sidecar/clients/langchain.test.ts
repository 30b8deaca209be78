/** LangChain's client of OpenAI, unchanged: chat completions and responses. */
import {
  AIMessage,
  type AIMessageChunk,
  type BaseMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage,
} from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  ASK_BOTH,
  ASK_ONE,
  atEveryVendor,
  FORMS,
  MODEL as model,
  SAID,
  TIME,
  TIME_ARGUMENTS,
  WEATHER,
  WEATHER_ARGUMENTS,
} from './lab.ts';

const tools = [WEATHER, TIME].map(({ name, description, schema: parameters }) => ({
  type: 'function' as const,
  function: { name, description, parameters },
}));

const APIS = [
  ['chat completions', false],
  ['responses', true],
] as const;

atEveryVendor((lab) => {
  describe.each(APIS)('with %s', (_, useResponsesApi) => {
    let client: ChatOpenAI;
    beforeEach(() => {
      client = new ChatOpenAI({
        model,
        apiKey: 'placeholder',
        maxRetries: 0,
        useResponsesApi,
        configuration: { baseURL: `${lab.sidecar.url}/v1` },
      });
    });

    describe.each(FORMS)('%s', (_form, streamed) => {
      async function ask(messages: BaseMessage[]): Promise<AIMessage | AIMessageChunk> {
        const bound = client.bindTools(tools);
        if (!streamed) return bound.invoke(messages);
        let whole: AIMessageChunk | undefined;
        for await (const chunk of await bound.stream(messages)) whole = whole ? whole.concat(chunk) : chunk;
        return whole as AIMessageChunk;
      }

      it('converses over several turns with tools', async () => {
        const messages: BaseMessage[] = [new SystemMessage('Be brief.'), new HumanMessage(ASK_BOTH)];
        for (const wanted of [[WEATHER_ARGUMENTS, TIME_ARGUMENTS], [WEATHER_ARGUMENTS]]) {
          lab.provider.behaviour = {};
          const called = await ask(messages);
          expect(called.tool_calls?.map(({ args }) => args)).toEqual(wanted);
          expect(called.usage_metadata?.total_tokens).toBeGreaterThan(0);
          messages.push(called);
          for (const call of called.tool_calls ?? []) {
            messages.push(new ToolMessage({ tool_call_id: call.id ?? '', content: '{"ok":true}' }));
          }
          lab.provider.behaviour = { text: SAID };
          const said = await ask(messages);
          expect(said.text).toBe(SAID);
          messages.push(said, new HumanMessage(ASK_ONE));
        }
        expect(lab.asked()).toHaveLength(4);
      });
    });

    it('makes objects by a schema', async () => {
      const place = z.object({ city: z.string(), mild: z.boolean() });
      const made = await client.withStructuredOutput(place, { name: 'place' }).invoke('Where?');
      expect(made).toEqual({ city: 'example', mild: true });
    });

    it.each([400, 401, 404, 429, 503])('raises a %i of the vendor', async (status) => {
      lab.provider.behaviour = { failure: { kind: 'Status', status, message: 'the moon is too bright' } };
      await expect(client.invoke('Hello')).rejects.toMatchObject({ status });
    });
  });
});
