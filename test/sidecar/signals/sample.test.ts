import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endpointAt } from '../../../sidecar/dialects/registry.ts';
import { buildFacts } from '../../../sidecar/routing/facts.ts';
import { HALF_BYTES, type PromptSample, sampleTexts } from '../../../sidecar/signals/sample.ts';

function sampleOf(body: object, path = '/v1/chat/completions'): PromptSample | undefined {
  const resolution = endpointAt(path);
  if (resolution?.kind !== 'Endpoint') throw new Error('not an endpoint');
  const { dialect } = resolution.endpoint;
  const envelope = dialect.readRequest(Buffer.from(JSON.stringify(body)));
  return buildFacts({ method: 'POST', path, rawHeaders: [], dialect, envelope }).sample?.();
}

const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const text = (words: string) => ({ type: 'text', text: words });

describe('the sample of a prompt', () => {
  it('is the last user message, and all of them', () => {
    const messages = [{ role: 'system', content: 'Be brief.' }, user('One?'), assistant('1'), user('Two?')];
    expect(sampleOf({ model: 'm', messages })).toEqual({ last: 'Two?', all: 'One?\nTwo?' });
  });

  it('takes the parts of a message together, whatever stands between them', () => {
    const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(5000)}` } };
    const messages = [user('Before'), assistant('ok'), user([text('Look:'), image, text('What is it?')])];
    expect(sampleOf({ model: 'm', messages })?.last).toBe('Look:\nWhat is it?');
  });

  it.each([
    ['/v1/messages', { model: 'm', max_tokens: 9, messages: [user('Un'), assistant('a'), user('Deux')] }],
    ['/v1/responses', { model: 'm', input: [user('Un'), assistant('a'), user('Deux')] }],
  ])('is the same in every dialect: %s', (path, body) => {
    expect(sampleOf(body, path)).toEqual({ last: 'Deux', all: 'Un\nDeux' });
  });

  it('is empty where there is no text', () => {
    expect(sampleTexts([])).toEqual({ last: '', all: '' });
  });

  const anyText = fc.string({ unit: 'binary', maxLength: 40 });

  it('is the text itself, whatever was escaped', () => {
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 1, maxLength: 5 }), (texts) => {
        const wellFormed = texts.map((one) => one.toWellFormed());
        expect(sampleTexts(wellFormed)).toEqual({ last: wellFormed.at(-1), all: wellFormed.join('\n') });
      }),
    );
  });

  it('is its head and its tail where it is long, cut between characters', () => {
    const unit = fc.constantFrom('a', ' ', '\\', '"', '\n', 'é', '中', '🧾', '\u0001', '\\\\\\', '\\u00');
    const long = fc
      .array(unit, { minLength: 40, maxLength: 80 })
      .map((units) => units.join('').repeat(Math.ceil((3 * HALF_BYTES) / units.length)));
    fc.assert(
      fc.property(long, (whole) => {
        const { last } = sampleTexts([whole]);
        const cut = last.lastIndexOf('\n', last.length);
        expect(Buffer.byteLength(last)).toBeLessThanOrEqual(2 * HALF_BYTES + 1);
        expect(cut).toBeGreaterThanOrEqual(0);
        // Some line break is the cut: what is before it begins the text, what is after it ends it.
        const breaks = [...last.matchAll(/\n/g)].map(({ index }) => index);
        expect(
          breaks.some((at) => whole.startsWith(last.slice(0, at)) && whole.endsWith(last.slice(at + 1))),
        ).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('of megabytes decodes no more than that', () => {
    const { last } = sampleTexts(['x'.repeat(3_000_000)]);
    expect(last).toHaveLength(2 * HALF_BYTES + 1);
  });
});
