/** LlamaIndex's clients of OpenAI, unchanged: chat completions and responses. */
import type {
  ChatMessage,
  LLMChatParamsNonStreaming,
  LLMChatParamsStreaming,
  ToolCall,
  ToolCallLLMMessageOptions,
} from '@llamaindex/core/llms';
import { tool } from '@llamaindex/core/tools';
import { OpenAI, OpenAIResponses } from '@llamaindex/openai';
import { beforeEach, describe, expect, it } from 'vitest';
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

type Message = ChatMessage<ToolCallLLMMessageOptions>;

const tools = [WEATHER, TIME].map(({ name, description, schema: parameters }) =>
  tool({ name, description, parameters, execute: () => '{"ok":true}' }),
);

function callsIn(options: ToolCallLLMMessageOptions | undefined): ToolCall[] {
  return options && 'toolCall' in options ? (options.toolCall as ToolCall[]) : [];
}

/** The client for responses says the last piece again with whatever follows it, at any server. */
function isNew(raw: unknown): boolean {
  const { type } = raw as { type?: string };
  return type === undefined || type === 'response.output_text.delta';
}

const APIS = ['chat completions', 'responses'] as const;

atEveryVendor((lab) => {
  describe.each(APIS)('with %s', (api) => {
    let client: OpenAI | OpenAIResponses;
    beforeEach(() => {
      const options = { model, apiKey: 'placeholder', maxRetries: 0, baseURL: `${lab.sidecar.url}/v1` };
      client = api === 'responses' ? new OpenAIResponses(options) : new OpenAI(options);
    });

    // The two classes have overloads of their own, so each is called as what it is.
    async function talk(
      body: LLMChatParamsNonStreaming<object, ToolCallLLMMessageOptions>,
    ): Promise<Message> {
      const { message } = await (client instanceof OpenAI ? client.chat(body) : client.chat(body));
      return message;
    }
    const stream = (body: LLMChatParamsStreaming<object, ToolCallLLMMessageOptions>) =>
      client instanceof OpenAI ? client.chat(body) : client.chat(body);

    describe.each(FORMS)('%s', (_, streamed) => {
      async function ask(messages: Message[]): Promise<{ text: string; calls: ToolCall[] }> {
        if (!streamed) {
          const { content, options } = await talk({ messages, tools });
          return { text: typeof content === 'string' ? content : '', calls: callsIn(options) };
        }
        let text = '';
        // Each piece tells of the call it belongs to, as far as it is known.
        const calls = new Map<string, ToolCall>();
        for await (const { delta, options, raw } of await stream({ messages, tools, stream: true })) {
          if (isNew(raw)) text += delta;
          for (const call of callsIn(options)) calls.set(call.id, call);
        }
        return { text, calls: [...calls.values()] };
      }

      it('converses over several turns with tools', async () => {
        const messages: Message[] = [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: ASK_BOTH },
        ];
        for (const wanted of [[WEATHER_ARGUMENTS, TIME_ARGUMENTS], [WEATHER_ARGUMENTS]]) {
          lab.provider.behaviour = {};
          const called = await ask(messages);
          const inputs = called.calls.map(
            ({ input }) => (typeof input === 'string' ? JSON.parse(input) : input) as unknown,
          );
          expect(inputs).toEqual(wanted);
          messages.push({ role: 'assistant', content: called.text, options: { toolCall: called.calls } });
          for (const { id } of called.calls) {
            const toolResult = { id, result: '{"ok":true}', isError: false };
            messages.push({ role: 'user', content: '{"ok":true}', options: { toolResult } });
          }
          lab.provider.behaviour = { text: SAID };
          const said = await ask(messages);
          expect(said.text).toBe(SAID);
          messages.push({ role: 'assistant', content: said.text }, { role: 'user', content: ASK_ONE });
        }
        expect(lab.asked()).toHaveLength(4);
      });
    });

    it.each([400, 401, 404, 429, 503])('raises a %i of the vendor', async (status) => {
      lab.provider.behaviour = { failure: { kind: 'Status', status, message: 'the moon is too bright' } };
      const failing = talk({ messages: [{ role: 'user', content: 'Hello' }] });
      await expect(failing).rejects.toMatchObject({ status });
    });
  });
});
