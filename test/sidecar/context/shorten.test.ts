import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimateInputTokens } from '../../../sidecar/accounting/estimate.ts';
import { outlineOf, type Shortened, shortened } from '../../../sidecar/context/shorten.ts';
import type { Summary } from '../../../sidecar/context/summaries.ts';
import type { ContextBody } from '../../../sidecar/snapshot/shapes/context.ts';
import { type Conversation, conversation, DIALECTS, type Written } from './conversations.ts';

const CHAT = DIALECTS[0] as Written;
const ANTHROPIC = DIALECTS[2] as Written;

function apply(
  { dialect }: Written,
  request: object,
  context: ContextBody,
  summary?: Summary | 'Pass' | 'Truncate',
): { before: number; made: Shortened | undefined } {
  const body = Buffer.from(JSON.stringify(request));
  const envelope = dialect.readRequest(body);
  const { tokens } = estimateInputTokens(envelope.text, envelope.attachments, envelope.tokenIds);
  const outline = outlineOf(envelope, dialect, { inputTokens: tokens });
  if (!outline) throw new Error('the body has messages');
  return { before: tokens, made: shortened(envelope, dialect, outline, context, summary) };
}

const bodyOf = ({ envelope }: Shortened): Record<string, unknown> =>
  JSON.parse(envelope.body.toString()) as Record<string, unknown>;

const context: fc.Arbitrary<ContextBody> = fc.record(
  { keepLast: fc.integer({ min: 1, max: 6 }), maxTokens: fc.integer({ min: 1, max: 3000 }) },
  { requiredKeys: [] },
);
const summary = fc.oneof(
  fc.constant(undefined),
  fc.record({
    text: fc.string({ maxLength: 200 }).map((text) => `s${text}`),
    turns: fc.integer({ min: 1, max: 8 }),
    remembered: fc.boolean(),
  }),
);

describe.each(DIALECTS)('$dialect.name: whatever the conversation and the bounds', (written) => {
  it('what is sent is shorter, valid, has its instructions and tools, and ends as it did', () => {
    fc.assert(
      fc.property(conversation, context, summary, (said, bounds, found) => {
        const request = written.write(said);
        fc.pre(written.check(request) === undefined);
        const known = found && { ...found, turns: Math.min(found.turns, said.turns.length) };
        const { before, made } = apply(written, request, bounds, known?.turns ? known : undefined);
        if (!made) return;
        const body = bodyOf(made);
        expect(written.check(body)).toBeUndefined();
        expect(made.envelope.body.length).toBeLessThan(Buffer.byteLength(JSON.stringify(request)));
        expect(made.savedTokens).toBeGreaterThan(0);
        const { text, attachments } = made.envelope;
        expect(estimateInputTokens(text, attachments).tokens).toBe(before - made.savedTokens);
        const list = (from: Record<string, unknown>) => from[written.list] as object[];
        const [old, left] = [list(request as Record<string, unknown>), list(body)];
        // The last words of the user, and what came last.
        expect(JSON.stringify(left)).toContain(JSON.stringify(said.last));
        expect(left.at(-1)).toEqual(old.at(-1));
        const rest = ({ [written.list]: _list, ...others }: Record<string, unknown>) => others;
        expect(rest(body)).toEqual(rest(request as Record<string, unknown>));
        expect(JSON.stringify(body)).toContain(JSON.stringify(said.system));
        // Nothing is said that was not said, but for the summary.
        const told = new Set(old.map((one) => JSON.stringify(one)));
        const fresh = left.filter((one) => !told.has(JSON.stringify(one)));
        expect(fresh).toHaveLength(made.summary ? 2 : 0);
      }),
      { numRuns: 150 },
    );
  });

  it('a bound is kept wherever there is enough that may go', () => {
    fc.assert(
      fc.property(conversation, fc.integer({ min: 1, max: 3000 }), (said, maxTokens) => {
        fc.pre(said.open.length === 0);
        const { before, made } = apply(written, written.write(said), { maxTokens });
        const least = apply(written, written.write({ ...said, turns: [] }), { maxTokens }).before;
        const sent = before - (made?.savedTokens ?? 0);
        expect(made === undefined || before > maxTokens).toBe(true);
        expect(sent).toBeLessThanOrEqual(Math.max(maxTokens, least));
      }),
      { numRuns: 100 },
    );
  });
});

const plain = (turns: number, more: Partial<Conversation> = {}): Conversation => ({
  system: 'be brief',
  turns: Array.from({ length: turns }, (_, i) => ({
    user: `question ${i} ${'x'.repeat(400)}`,
    rounds: [],
    answer: `answer ${i}`,
  })),
  open: [],
  last: 'and now?',
  thinks: 'Never',
  ...more,
});
const users = (made: Shortened | undefined): string[] =>
  made
    ? (bodyOf(made)['messages'] as { role: string; content: unknown }[])
        .filter(({ role }) => role === 'user')
        .map(({ content }) => (typeof content === 'string' ? content.slice(0, 10) : 'parts'))
    : [];

describe('what goes', () => {
  it('keeps the last turns, and says how many went', () => {
    const { made } = apply(CHAT, CHAT.write(plain(5)), { keepLast: 3 });
    expect(users(made)).toEqual(['question 3', 'question 4', 'parts']);
    expect(made?.detail).toMatch(/^3 of 6 turns left out: about \d+ of \d+ tokens are sent$/);
    expect(apply(CHAT, CHAT.write(plain(2)), { keepLast: 3 }).made).toBeUndefined();
  });

  it('puts a summary where the turns were', () => {
    const found = { text: 'They like tea.', turns: 4, remembered: true };
    const { made } = apply(ANTHROPIC, ANTHROPIC.write(plain(5)), {}, found);
    const { messages } = bodyOf(made as Shortened) as { messages: { role: string; content: string }[] };
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant', 'user']);
    expect(messages[0]?.content).toContain('They like tea.');
    expect(made?.detail).toMatch(/^4 turns as a summary that was remembered: /);
  });

  it('sends the turns themselves where a summary is no shorter', () => {
    const found = { text: 'y'.repeat(5000), turns: 4, remembered: false };
    expect(apply(CHAT, CHAT.write(plain(5)), {}, found).made).toBeUndefined();
  });

  it('cuts at the same place for many requests of a conversation, so that a cache goes on fitting', () => {
    const starts = Array.from({ length: 40 }, (_, i) => {
      const { made } = apply(CHAT, CHAT.write(plain(20 + i)), { maxTokens: 2000 });
      return users(made)[0];
    });
    expect(new Set(starts).size).toBeLessThanOrEqual(11);
  });

  it('lets calls of tools of a long last turn go, oldest first, and never parts them from results', () => {
    const round = { calls: 2, text: 'r'.repeat(1000) };
    const said = plain(0, { open: Array.from({ length: 8 }, () => round) });
    const { made } = apply(CHAT, CHAT.write(said), { maxTokens: 1600 });
    const body = bodyOf(made as Shortened);
    expect(CHAT.check(body)).toBeUndefined();
    expect(users(made)).toEqual(['parts']);
    expect(made?.detail).toMatch(/rounds of tool calls of the last turn left out/);
    const roles = (body['messages'] as { role: string }[]).map(({ role }) => role);
    expect(roles.slice(0, 3)).toEqual(['system', 'user', 'assistant']);
    expect(roles.at(-1)).toBe('tool');
  });

  it('leaves calls where they are that came after thoughts of the same turn', () => {
    const round = { calls: 1, text: 'r'.repeat(1000) };
    const said = plain(0, { open: Array.from({ length: 8 }, () => round), thinks: 'First' });
    expect(apply(ANTHROPIC, ANTHROPIC.write(said), { maxTokens: 600 }).made).toBeUndefined();
    const always = ANTHROPIC.write({ ...said, thinks: 'Always' });
    expect(ANTHROPIC.check(bodyOf(apply(ANTHROPIC, always, { maxTokens: 600 }).made as Shortened))).toBe(
      undefined,
    );
  });

  it('keeps results with calls that were answered late', () => {
    const request = {
      model: 'm',
      messages: [
        { role: 'user', content: 'a '.repeat(200) },
        {
          role: 'assistant',
          tool_calls: [{ id: 'one', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        { role: 'user', content: 'while you wait' },
        { role: 'tool', tool_call_id: 'one', content: 'late' },
        { role: 'assistant', content: 'there it is' },
        { role: 'user', content: 'last' },
      ],
    };
    const { made } = apply(CHAT, request, { keepLast: 1 });
    expect(users(made)).toEqual(['last']);
    expect(apply(CHAT, { ...request, messages: request.messages.slice(0, 4) }, { keepLast: 1 }).made).toBe(
      undefined,
    );
  });

  it('keeps instructions in the midst of a conversation', () => {
    const { messages, ...rest } = CHAT.write(plain(3)) as { messages: object[] };
    const told = [...messages.slice(0, 3), { role: 'developer', content: 'in French' }, ...messages.slice(3)];
    const made = apply(CHAT, { ...rest, messages: told }, { keepLast: 1 }).made as Shortened;
    expect((bodyOf(made)['messages'] as object[]).slice(0, 2)).toEqual([
      { role: 'system', content: 'be brief' },
      { role: 'developer', content: 'in French' },
    ]);
  });
});
