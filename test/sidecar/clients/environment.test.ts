/** Every client finds the sidecar by the variables that injection sets, without a word of code. */
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import { ChatOpenAI } from '@langchain/openai';
import { OpenAI as LlamaOpenAI } from '@llamaindex/openai';
import { generateText } from 'ai';
import OpenAI from 'openai';
import { beforeEach, expect, it, vi } from 'vitest';
import { appEnvironment } from '../../../operator/inject/environment.ts';
import { VENDORS, type VendorCase } from '../matrix/vendors.ts';
import { atVendors, MODEL as model } from './lab.ts';

globalThis.AI_SDK_LOG_WARNINGS = false;

const TEXT = 'Found.';
const messages = [{ role: 'user' as const, content: 'Hello' }];
const passthrough = [{ methods: ['POST'], pathPrefix: '/v1beta/models' }];
const gemini = { ...VENDORS.find(({ dialect }) => dialect === 'gemini'), passthrough } as VendorCase;

const CLIENTS: [string, () => Promise<unknown>][] = [
  [
    'openai',
    async () => (await new OpenAI().chat.completions.create({ model, messages })).choices[0]?.message.content,
  ],
  [
    '@anthropic-ai/sdk',
    async () => {
      const { content } = await new Anthropic().messages.create({ model, messages, max_tokens: 100 });
      return content[0]?.type === 'text' ? content[0].text : content;
    },
  ],
  ['@ai-sdk/openai', async () => (await generateText({ model: createOpenAI()(model), messages })).text],
  ['@ai-sdk/anthropic', async () => (await generateText({ model: createAnthropic()(model), messages })).text],
  ['@langchain/openai', async () => (await new ChatOpenAI({ model }).invoke('Hello')).text],
  ['@llamaindex/openai', async () => (await new LlamaOpenAI({ model }).chat({ messages })).message.content],
  [
    '@google/genai',
    async () => (await new GoogleGenAI({}).models.generateContent({ model, contents: 'Hello' })).text,
  ],
];

atVendors([gemini], (lab) => {
  beforeEach(() => {
    const google = { GOOGLE_GEMINI_BASE_URL: `${lab.sidecar.url}/gemini`, GEMINI_API_KEY: 'placeholder' };
    const environment = { ...appEnvironment(lab.sidecar.port), ...google };
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    return () => vi.unstubAllEnvs();
  });

  it.each(CLIENTS)('%s', async (_, ask) => {
    lab.provider.behaviour = { text: TEXT };
    expect(await ask()).toBe(TEXT);
    expect(lab.asked()).toHaveLength(1);
  });
});
