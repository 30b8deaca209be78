/** Google's own client, unchanged, at the Gemini API and at Google's models on Vertex AI, where a rule lets it through. */
import {
  ApiError,
  type Content,
  type FunctionCall,
  type GenerateContentResponse,
  GoogleGenAI,
  type Tool,
} from '@google/genai';
import { beforeEach, describe, expect, it } from 'vitest';
import { VENDORS, type VendorCase } from '../matrix/vendors.ts';
import { until } from '../support/sidecar.ts';
import {
  ASK_BOTH,
  ASK_ONE,
  atVendors,
  ERROR_CLASSES,
  FORMS,
  MODEL as model,
  SAID,
  TIME,
  TIME_ARGUMENTS,
  WEATHER,
  WEATHER_ARGUMENTS,
} from './lab.ts';

const declarations = [WEATHER, TIME].map(({ name, description, schema: parametersJsonSchema }) => ({
  name,
  description,
  parametersJsonSchema,
}));
const tools: Tool[] = [{ functionDeclarations: declarations }];

const passthrough = [{ methods: ['GET', 'POST'], pathPrefix: '/v1beta/models' }];
const [gemini] = VENDORS.filter(({ dialect }) => dialect === 'gemini').map((vendor) => ({
  ...vendor,
  passthrough,
}));
const vertex: VendorCase = {
  ...(gemini as VendorCase),
  dialect: 'gemini on Vertex AI',
  type: 'VertexAI',
  path: '/v1',
  parameters: { project: 'p', location: 'europe-west4' },
};

atVendors([gemini as VendorCase, vertex], (lab) => {
  let client: GoogleGenAI;
  beforeEach(() => {
    client = new GoogleGenAI({
      apiKey: 'placeholder',
      httpOptions: { baseUrl: `${lab.sidecar.url}/gemini`, retryOptions: { attempts: 1 } },
    });
  });

  interface Said {
    text: string;
    calls: FunctionCall[];
    content: Content;
  }

  describe.each(FORMS)('%s', (_, streamed) => {
    async function ask(contents: Content[]): Promise<Said> {
      const body = { model, contents, config: { tools, systemInstruction: 'Be brief.' } };
      const whole = streamed ? undefined : await client.models.generateContent(body);
      const answers = whole ? [whole] : await fromStream(body);
      expect(answers.at(-1)?.usageMetadata?.totalTokenCount).toBeGreaterThan(0);
      const parts = answers.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? []);
      return {
        text: parts.map(({ text }) => text ?? '').join(''),
        calls: parts.flatMap(({ functionCall }) => functionCall ?? []),
        content: { role: 'model', parts },
      };
    }

    async function fromStream(body: Parameters<typeof client.models.generateContentStream>[0]) {
      const answers = [];
      for await (const answer of await client.models.generateContentStream(body)) answers.push(answer);
      return answers;
    }

    it('converses over several turns with tools', async () => {
      const contents: Content[] = [{ role: 'user', parts: [{ text: ASK_BOTH }] }];
      for (const wanted of [[WEATHER_ARGUMENTS, TIME_ARGUMENTS], [WEATHER_ARGUMENTS]]) {
        lab.provider.behaviour = {};
        const called = await ask(contents);
        expect(called.calls.map(({ args }) => args)).toEqual(wanted);
        contents.push(called.content, {
          role: 'user',
          parts: called.calls.map(({ name = '' }) => ({
            functionResponse: { name, response: { ok: true } },
          })),
        });
        lab.provider.behaviour = { text: SAID };
        const said = await ask(contents);
        expect(said.text).toBe(SAID);
        contents.push(said.content, { role: 'user', parts: [{ text: ASK_ONE }] });
      }
      expect(lab.asked()).toHaveLength(4);
      for (const path of lab.asked()) expect(path).toContain('/models/gemini-3-flash-preview:');
      await until(() => lab.sidecar.rows.length === 4);
    });

    it('runs tools by itself in a chat', async () => {
      lab.provider.behaviour = { text: SAID };
      const got: unknown[] = [];
      const callable = {
        tool: () => Promise.resolve(tools[0] as Tool),
        callTool: (calls: FunctionCall[]) => {
          got.push(...calls.map(({ args }) => args));
          return Promise.resolve(
            calls.map(({ name = '' }) => ({ functionResponse: { name, response: { ok: true } } })),
          );
        },
      };
      const chat = client.chats.create({ model, config: { tools: [callable] } });
      let text = '';
      if (streamed) {
        for await (const chunk of await chat.sendMessageStream({ message: ASK_BOTH })) text += textOf(chunk);
      } else {
        text = (await chat.sendMessage({ message: ASK_BOTH })).text ?? '';
      }
      expect(text).toBe(SAID);
      expect(got).toEqual([WEATHER_ARGUMENTS, TIME_ARGUMENTS]);
    });
  });

  const textOf = ({ candidates }: GenerateContentResponse): string =>
    (candidates?.[0]?.content?.parts ?? []).map(({ text }) => text ?? '').join('');
  const hello = { model, contents: 'Hello' };

  it('keeps to a schema', async () => {
    const responseJsonSchema = {
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
    };
    const { text } = await client.models.generateContent({
      ...hello,
      config: { responseMimeType: 'application/json', responseJsonSchema },
    });
    expect(JSON.parse(text ?? '')).toEqual({ city: 'example' });
  });

  it.each(ERROR_CLASSES)('raises a %i of the vendor as it is', async (status) => {
    lab.provider.behaviour = { failure: { kind: 'Status', status, message: 'the moon is too bright' } };
    for (const fails of [
      async () => client.models.generateContent(hello),
      async () => client.models.generateContentStream(hello),
    ]) {
      await expect(fails()).rejects.toSatisfy(
        (error) =>
          error instanceof ApiError &&
          error.status === status &&
          error.message.includes('the moon is too bright'),
      );
    }
  });

  it('raises our own refusals', async () => {
    const failing = client.models.generateContent({ ...hello, model: 'nope' });
    await expect(failing).rejects.toSatisfy(
      (error) => error instanceof ApiError && error.status === 404 && error.message.includes('NO_ROUTE'),
    );
  });

  it('aborts, and the vendor is told', async () => {
    lab.provider.behaviour = { tokensPerSecond: 50, outputTokens: 1000 };
    const controller = new AbortController();
    const stream = await client.models.generateContentStream({
      ...hello,
      config: { abortSignal: controller.signal },
    });
    const read = async (): Promise<void> => {
      for await (const chunk of stream) if (chunk.text?.includes('brown')) controller.abort();
    };
    await expect(read()).rejects.toThrow(/abort/i);
    expect(await lab.provider.requests[0]?.closed).toBe(true);
    await until(() => lab.sidecar.rows.length === 1);
    expect(lab.sidecar.rows[0]).toMatchObject({ outcome: 'Cancelled' });
  });

  it('raises an error where a stream breaks off', async () => {
    lab.provider.behaviour = { failure: { kind: 'Reset', afterEvents: 4 } };
    const read = async (): Promise<void> => {
      for await (const chunk of await client.models.generateContentStream(hello)) expect(chunk).toBeDefined();
    };
    await expect(read()).rejects.toThrow(/terminated|sending request/);
  });

  it('lists what there is', async () => {
    const names = [];
    for await (const { name } of await client.models.list()) names.push(name);
    expect(names).toEqual([`models/${model}`]);
    expect(await client.models.get({ model })).toMatchObject({ name: `models/${model}` });
  });
});
