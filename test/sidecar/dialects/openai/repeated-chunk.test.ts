import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { StreamReader } from '../../../../sidecar/dialects/dialect.ts';
import { OPENAI_CHAT } from '../../../../sidecar/dialects/openai/dialects.ts';
import { RepeatedChunk } from '../../../../sidecar/dialects/openai/repeated-chunk.ts';

describe('chunks that repeat', () => {
  it('are read as if each were the first of its kind', () => {
    const match = vi.spyOn(RepeatedChunk.prototype, 'match');
    fc.assert(
      fc.property(fc.array(chunks(), { maxLength: 8 }), (parts) => {
        const reader = OPENAI_CHAT.openStream();
        const other = OPENAI_CHAT.openStream();
        for (const [i, text] of parts.flat().entries()) {
          // White space in front keeps every chunk from being the one before.
          expect(told(reader, text)).toEqual(told(other, ' '.repeat(1 + (i % 2)) + text));
        }
      }),
      { numRuns: 300 },
    );
    const hits = match.mock.results.filter(({ value }) => (value as number) > 0).length;
    match.mockRestore();
    expect(hits).toBeGreaterThan(0);
  });

  it.each([
    ['other words', '{"a":"one two"}', 7],
    ['no words', '{"a":""}', 0],
    ['an escape', '{"a":"\\n"}', 0],
    ['the end of the string, and more', '{"a":"x","b":"y"}', 0],
    ['a control character', '{"a":"\u0001"}', 0],
    ['another beginning', '{"b":"two"}', 0],
    ['another end', '{"a":"two"]', 0],
    ['less than there was around it', '{"a":', 0],
    ['nothing', '', 0],
  ])('are told from %s', (_, text, bytes) => {
    const repeated = new RepeatedChunk();
    expect(repeated.match(Buffer.from(text))).toBe(0);
    repeated.learn(Buffer.from('{"a":"first"}'), 6, 11);
    expect(repeated.match(Buffer.from(text))).toBe(bytes);
  });

  it('keep nothing of what they were read with', () => {
    const repeated = new RepeatedChunk();
    const read = Buffer.from('{"a":"first"}');
    repeated.learn(read, 6, 11);
    read.fill(0);
    expect(repeated.match(Buffer.from('{"a":"x"}'))).toBe(1);
  });
});

/** A few chunks of one form, some with a text that needs a closer look. */
function chunks(): fc.Arbitrary<string[]> {
  const words = fc.oneof(
    { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
    { weight: 1, arbitrary: fc.constantFrom('', '"', '\\', '\n', '"},{"', 'x'.repeat(3000)) },
  );
  const form = fc.record({
    index: fc.nat(2),
    member: fc.constantFrom('content', 'refusal', 'reasoning', 'role', 'other'),
    also: fc.constantFrom({}, { content: 'x' }, { role: 'assistant' }),
    reason: fc.constantFrom(null, null, '', 'stop', 'content_filter'),
    usage: fc.constantFrom('none', 'before', 'behind', 'counted'),
    tier: fc.constantFrom(undefined, 'priority', 'default'),
    model: fc.constantFrom('m', 'other'),
  });
  return fc.tuple(form, fc.array(words, { maxLength: 6 })).map(([f, texts]) =>
    texts.map((text) =>
      JSON.stringify({
        ...(f.usage === 'before' && { usage: null }),
        id: 'c',
        model: f.model,
        choices: [{ index: f.index, delta: { ...f.also, [f.member]: text }, finish_reason: f.reason }],
        ...(f.tier !== undefined && { service_tier: f.tier }),
        ...(f.usage === 'behind' && { usage: null }),
        ...(f.usage === 'counted' && { usage: { total_tokens: text.length } }),
      }),
    ),
  );
}

/** All that the reader says of one more chunk. */
function told(reader: StreamReader, text: string): unknown {
  const event = Buffer.from(`data: ${text}\n\n`);
  const data = event.subarray(6, -2);
  const reading = reader.read(event, data);
  const { commits, content, terminal, finished, error, usage, outputBytes, usageOnly } = reading;
  const { model, responseId, finishReasons, serviceTier } = reader;
  return {
    commits,
    content,
    terminal,
    finished,
    usage,
    outputBytes,
    usageOnly,
    model,
    responseId,
    serviceTier,
    error: error?.code,
    finishReasons: [...finishReasons],
    kept: reader
      .withoutUsage(event, data, reading)
      ?.toString()
      .replace(/^data: +/, ''),
  };
}
