import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OPENAI_CHAT, OPENAI_EMBEDDINGS, OPENAI_RAW } from '../../../sidecar/dialects/openai/dialects.ts';
import { buildFacts, type FactsInput } from '../../../sidecar/routing/facts.ts';

const chat = (body: object | string, over: Partial<FactsInput> = {}) =>
  buildFacts({
    method: 'POST',
    path: '/v1/chat/completions',
    rawHeaders: [],
    dialect: OPENAI_CHAT,
    envelope: OPENAI_CHAT.readRequest(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))),
    ...over,
  });
const user = (content: unknown) => ({ role: 'user', content });

describe('facts of a request', () => {
  it('come from the envelope', () => {
    const facts = chat({
      model: 'gpt-5',
      stream: true,
      n: 2,
      max_completion_tokens: 77,
      tools: [{ type: 'function', function: { name: 'f' } }],
      response_format: { type: 'json_schema', json_schema: { name: 's', schema: {} } },
      messages: [
        { role: 'system', content: 'Be brief.' },
        user('One?'),
        { role: 'assistant', content: '1' },
        user('Two?'),
      ],
    });
    expect(facts).toMatchObject({
      askedModel: 'gpt-5',
      needs: 'Chat',
      turns: 2,
      tools: true,
      vision: false,
      jsonSchema: true,
      stream: true,
      maxOutputTokens: 77,
      choices: 2,
      replay: 'Free',
      pinned: false,
      unread: false,
    });
    expect(facts.userText()).toEqual(['One?', 'Two?']);
    expect(facts.inputTokens).toBeGreaterThan(facts.inputTokensLowerBound);
  });

  it('need what the endpoint needs', () => {
    const envelope = OPENAI_EMBEDDINGS.readRequest(Buffer.from('{"model":"e","input":[1,2,3]}'));
    const facts = buildFacts({
      method: 'POST',
      path: '/v1/embeddings',
      rawHeaders: [],
      dialect: OPENAI_EMBEDDINGS,
      envelope,
    });
    expect(facts).toMatchObject({ needs: 'Embeddings', inputTokens: 3, inputTokensLowerBound: 3 });
  });

  it('hold user text as it was meant, whatever was escaped', () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), fc.boolean(), (texts, ascii) => {
        const written = JSON.stringify({ model: 'm', messages: texts.map(user) });
        const body = ascii
          ? written.replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
          : written;
        const facts = chat(body);
        expect(facts.userText()).toEqual(texts.filter((t) => t !== ''));
      }),
    );
  });

  it('unescape once', () => {
    const facts = chat({ model: 'm', messages: [user('a\nb')] });
    expect(facts.userText()).toBe(facts.userText());
  });
});

describe('headers', () => {
  const facts = chat(
    { model: 'm', messages: [] },
    { rawHeaders: ['X-Team', 'a', 'x-other', 'b', 'x-team', 'c', 'X-Empty', ''] },
  );
  it('are found in any case, and joined when there are several', () => {
    expect(facts.header('x-team')).toBe('a, c');
    expect(facts.header('X-OTHER')).toBe('b');
    expect(facts.header('x-empty')).toBe('');
    expect(facts.header('x-none')).toBeUndefined();
  });
});

describe('the replay class', () => {
  const messages = [user('hi')];
  it.each<[string, object, string]>([
    ['generation', {}, 'Free'],
    ['tools of the caller', { tools: [{ type: 'function', function: { name: 'f' } }] }, 'Free'],
    ['tools of the vendor', { web_search_options: {} }, 'Unsent'],
    ['something to keep', { store: true }, 'Unsent'],
    ['nothing to keep', { store: false }, 'Free'],
  ])('%s', (_, body, replay) => {
    const facts = chat({ model: 'm', messages, ...body });
    expect(facts.replay).toBe(replay);
    expect(facts.pinned).toBe('store' in body && body.store === true);
  });

  it.each<[string, boolean, string]>([
    ['GET', false, 'Free'],
    ['HEAD', false, 'Free'],
    ['POST', false, 'Unsent'],
    ['DELETE', false, 'Unsent'],
    ['GET', true, 'Never'],
  ])('%s of an unread path, upgrade %s: %s', (method, upgrade, replay) => {
    const input = { method, path: '/v1/files', rawHeaders: [], dialect: OPENAI_RAW, upgrade };
    const facts = buildFacts({ ...input, envelope: undefined, model: 'm' });
    expect(facts).toMatchObject({ replay, pinned: true, unread: true, needs: undefined, askedModel: 'm' });
    expect(facts.userText()).toEqual([]);
  });
});
