import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ANTHROPIC_MESSAGES } from '../../../../sidecar/dialects/anthropic/dialects.ts';
import { OPENAI_CHAT } from '../../../../sidecar/dialects/openai/dialects.ts';
import { membersOf } from '../../../../sidecar/dialects/scan/body-scan.ts';
import { promptPrefix } from '../../../../sidecar/routing/affinity/prompt-prefix.ts';

const hex = (body: object | string, dialect = OPENAI_CHAT): string | undefined =>
  promptPrefix(
    dialect.readRequest(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))),
  )?.toString('hex');

const system = { role: 'system', content: 'Answer in verse.' };
const first = { role: 'user', content: 'Who are you?' };
const more = [
  { role: 'assistant', content: 'A poet.' },
  { role: 'user', content: 'Prove it.' },
];
const tools = [{ type: 'function', function: { name: 'rhyme', parameters: { type: 'object' } } }];

describe('prompt prefix', () => {
  it('stays the same from the first request of a conversation to its last', () => {
    const begun = hex({ model: 'm', messages: [system, first], tools });
    expect(begun).toBeDefined();
    expect(hex({ tools, stream: true, messages: [system, first, ...more], model: 'other' })).toBe(begun);
  });

  it('changes with instructions, tools and the first message', () => {
    const all = [
      hex({ messages: [system, first] }),
      hex({ messages: [system, first], tools }),
      hex({ messages: [first] }),
      hex({ messages: [system, { ...first, content: 'Who am I?' }] }),
      hex({ messages: [{ ...system, content: 'Answer in prose.' }, first] }),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it('does without marks that say what to cache, wherever they stand', () => {
    const plain = { type: 'text', text: 'long instructions' };
    const ask = (systemPart: object, userPart: object) =>
      hex(
        {
          model: 'm',
          max_tokens: 1,
          system: [systemPart],
          messages: [{ role: 'user', content: [userPart] }],
        },
        ANTHROPIC_MESSAGES,
      );
    const mark = { cache_control: { type: 'ephemeral' } };
    const unmarked = ask(plain, plain);
    expect(ask({ ...plain, ...mark }, plain)).toBe(unmarked);
    expect(ask(plain, { ...plain, ...mark })).toBe(unmarked);
    expect(ask({ ...mark, ...plain }, { type: 'text', ...mark, text: plain.text })).toBe(unmarked);
    expect(
      hex(
        '{"model":"m","max_tokens":1,"system":[{ "cache_control" : {"type":"ephemeral"} , "type":"text","text":"t" }],"messages":[{"role":"user","content":"x"}]}',
        ANTHROPIC_MESSAGES,
      ),
    ).toBe(
      hex(
        '{"model":"m","max_tokens":1,"system":[{ "type":"text","text":"t" }],"messages":[{"role":"user","content":"x"}]}',
        ANTHROPIC_MESSAGES,
      ),
    );
  });

  it('reads any conversation, and two that differ in their first message apart', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.array(fc.string(), { maxLength: 4 }), (one, other, later) => {
        const messages = (text: string) => [
          system,
          { role: 'user', content: text },
          ...later.map((content) => ({ role: 'assistant', content })),
        ];
        const a = hex({ messages: messages(one) });
        expect(hex({ messages: messages(other) }) === a).toBe(one === other);
        expect(hex({ messages: messages(one).slice(0, 2) })).toBe(a);
      }),
      { numRuns: 60 },
    );
  });

  it('is nothing where a body has no prompt', () => {
    expect(promptPrefix(membersOf(Buffer.from('{"model":"m"}')))).toBeUndefined();
  });
});
