/** The scripted Gemini, Bedrock and Cohere: what they answer is what our readers take, and what they refuse they refuse in words. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Behaviour } from '../../dev/providers/behaviour.ts';
import { type ScriptedProvider, startScriptedProvider } from '../../dev/providers/server.ts';
import { BEDROCK_CONVERSE, BEDROCK_CONVERSE_VENDOR } from '../../sidecar/dialects/bedrock/formats.ts';
import { emptyRequest } from '../../sidecar/dialects/canonical/empty-request.ts';
import type { ChatRequest } from '../../sidecar/dialects/canonical/request.ts';
import { COHERE_CHAT, COHERE_CHAT_VENDOR } from '../../sidecar/dialects/cohere/formats.ts';
import { GEMINI, GEMINI_VENDOR } from '../../sidecar/dialects/gemini/formats.ts';
import { RERANK } from '../../sidecar/dialects/rerank/dialect.ts';
import { tell, user, write } from '../sidecar/dialects/support/vendor.ts';

const VENDORS = [
  {
    name: 'gemini',
    wire: GEMINI,
    vendor: GEMINI_VENDOR,
    model: 'gemini-3-flash-preview',
    whole: '/models/gemini-3-flash-preview:generateContent',
    stream: '/models/gemini-3-flash-preview:streamGenerateContent?alt=sse',
  },
  {
    name: 'bedrock',
    wire: BEDROCK_CONVERSE,
    vendor: BEDROCK_CONVERSE_VENDOR,
    model: 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0',
    whole: '/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse',
    stream: '/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream',
  },
  {
    name: 'cohere',
    wire: COHERE_CHAT,
    vendor: COHERE_CHAT_VENDOR,
    model: 'command-a-plus-05-2026',
    whole: '/chat',
    stream: '/chat',
  },
] as const;

let provider: ScriptedProvider | undefined;
afterEach(() => provider?.close());

async function post(path: string, body: string | Buffer, behaviour: Behaviour = {}) {
  provider ??= await startScriptedProvider();
  provider.behaviour = behaviour;
  const response = await fetch(`${provider.url}${path}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  return {
    status: response.status,
    body: Buffer.from(await response.arrayBuffer()),
    headers: response.headers,
  };
}

afterEach(() => {
  provider = undefined;
});

const request: Partial<ChatRequest> = {
  turns: [user('please use search')],
  tools: [
    {
      type: 'Function',
      name: 'search',
      description: 'x',
      schema: '{"type":"object","properties":{"q":{"type":"string"}},"required":["q"]}',
      strict: undefined,
    },
  ],
  maxOutputTokens: 4000,
  reasoning: { mode: 'On', effort: undefined, budgetTokens: 1024, show: true },
};

describe.each(VENDORS)('$name', ({ wire, vendor, model, whole, stream }) => {
  const body = (asked: Partial<ChatRequest>): string => write(vendor, asked, { model }).text;

  it('answers whole what it streams', async () => {
    for (const asked of [request, { turns: [user('hello')] }] as Partial<ChatRequest>[]) {
      const one = await post(whole, body(asked), { cachedTokens: 3, reasoningTokens: 7 });
      expect(one.status).toBe(200);
      expect(wire.readComplete(one.body).error).toBeUndefined();
      const { choices, usage } = vendor.readComplete(one.body, { ...emptyRequest(), ...asked });
      const many = await post(stream, body({ ...asked, stream: true }), {
        cachedTokens: 3,
        reasoningTokens: 7,
      });
      const told = tell(wire, vendor, many.body, [10, 200], asked);
      expect(told).toMatchObject({ error: undefined, finished: true });
      const started = told.events.flatMap((event) => (event.type === 'BlockStart' ? [event.open.type] : []));
      const kinds = choices[0]?.blocks.map(({ type }) => type) ?? [];
      expect(started).toEqual(kinds);
      expect(kinds).toContain(asked === request ? 'ToolCall' : 'Text');
      expect(usage?.cacheRead).toBe(3);
      expect(told.events.find((event) => event.type === 'Finish')).toMatchObject({
        finish: { reason: asked === request ? 'ToolCalls' : 'Stop' },
      });
    }
  });

  it('takes its own answer back with the results of its calls', async () => {
    const one = await post(whole, body(request));
    const blocks = vendor.readComplete(one.body, { ...emptyRequest(), ...request }).choices[0]?.blocks ?? [];
    const call = blocks.find((block) => block.type === 'ToolCall');
    const turns: ChatRequest['turns'] = [
      ...(request.turns ?? []),
      { role: 'assistant', blocks },
      {
        role: 'user',
        blocks: [
          {
            type: 'ToolResult',
            callId: call?.id ?? '',
            name: 'search',
            blocks: [{ type: 'Text', text: '{"found":1}' }],
            isError: false,
          },
        ],
      },
    ];
    const written = write(vendor, { ...request, turns }, { model });
    expect(written.losses).toEqual([]);
    const two = await post(whole, written.text);
    expect(two.body.toString()).not.toContain('"error"');
    expect(two.status).toBe(200);
    expect(vendor.readComplete(two.body, emptyRequest()).choices[0]?.finish.reason).toBe('Stop');
  });

  it('refuses what it does not know', async () => {
    const refused = await post(
      whole,
      JSON.stringify({ ...(JSON.parse(body(request)) as object), nonsense: 1 }),
    );
    expect(refused.status).toBe(400);
    expect(wire.readError(refused.body)?.message).toContain('nonsense');
  });

  it('fails in its own words', async () => {
    const limited = await post(whole, body(request), { failure: { kind: 'RateLimited' } });
    expect(limited.status).toBe(429);
    expect(wire.readError(limited.body)?.message).toMatch(/\w/);
    const broken = await post(stream, body({ ...request, stream: true }), {
      failure: { kind: 'ErrorInStream', afterEvents: 2 },
    });
    expect(tell(wire, vendor, broken.body).error).toBeDefined();
    const dead = await post(stream, body({ ...request, stream: true }), {
      failure: { kind: 'DieMidStream', afterEvents: 1 },
    });
    expect(tell(wire, vendor, dead.body)).toMatchObject({ error: undefined, finished: false });
    const garbage = await post(whole, body(request), { failure: { kind: 'GarbageJson' } });
    expect(wire.readComplete(garbage.body).error?.code).toBe('invalid_body');
  });
});

describe('rerank', () => {
  it('orders documents and bills searches', async () => {
    const documents = Array.from({ length: 101 }, (_, i) => (i === 7 ? 'the capital' : `text ${i}`));
    const { body } = await post(
      '/rerank',
      JSON.stringify({ model: 'rerank-v3.5', query: 'capital', documents, top_n: 2 }),
    );
    expect(JSON.parse(body.toString())).toMatchObject({
      results: [{ index: 7, relevance_score: 1 }, { index: 0 }],
    });
    expect(RERANK.readUsage(RERANK.readComplete(body).usage)).toMatchObject({ requests: 2 });
  });
});
