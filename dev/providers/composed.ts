/** What a scripted vendor answers, before it is put in a wire format; the same for the same request. */
import { createHash } from 'node:crypto';
import type { Behaviour } from './behaviour.ts';
import { words } from './openai-bodies.ts';
import { exampleOf } from './schema-example.ts';

export interface Wanted {
  /** What the user said last; empty where the last turn gives results only. */
  text: string;
  tools: { name: string; schema: unknown }[];
  /** A name: that tool. */
  choice: 'auto' | 'none' | 'any' | { name: string };
  /** Of the answer. */
  schema: unknown;
  cap: number | undefined;
  stop: readonly string[];
  thinks: boolean;
}

export interface Composed {
  digest: string;
  thought: string | undefined;
  /** Text in the pieces it is streamed in. */
  tokens: string[];
  calls: { name: string; input: unknown }[];
  ended: 'Done' | 'Cap' | 'Calls' | 'Sequence';
  sequence: string | undefined;
  /** The vendor's own word. */
  serviceTier: string | undefined;
  usage: { prompt: number; cached: number; audio: number; visible: number; reasoning: number };
}

const THOUGHT = 'The user wants an answer, so I will give one.';

export function compose(wanted: Wanted, raw: Buffer, behaviour: Behaviour): Composed {
  const calls = callsOf(wanted, behaviour);
  const all =
    calls.length > 0
      ? []
      : wanted.schema === undefined
        ? words(behaviour)
        : [JSON.stringify(exampleOf(wanted.schema))];
  let tokens = all.slice(0, wanted.cap ?? all.length);
  let ended: Composed['ended'] = calls.length > 0 ? 'Calls' : tokens.length < all.length ? 'Cap' : 'Done';
  const text = tokens.join('');
  const sequence = calls.length > 0 ? undefined : wanted.stop.find((stop) => text.includes(stop));
  if (sequence !== undefined) {
    tokens = [text.slice(0, text.indexOf(sequence))];
    ended = 'Sequence';
  }
  const prompt = Math.max(1, Math.ceil(raw.length / 4));
  return {
    digest: createHash('sha256').update(raw).digest('hex'),
    thought: wanted.thinks ? THOUGHT : undefined,
    tokens,
    calls,
    ended,
    sequence,
    serviceTier: behaviour.serviceTier,
    usage: {
      prompt,
      cached: Math.min(behaviour.cachedTokens ?? 0, prompt),
      audio: Math.min(behaviour.audioTokens ?? 0, prompt),
      visible: tokens.length + calls.length * 8,
      reasoning: behaviour.reasoningTokens ?? 0,
    },
  };
}

/** Tools that the last words of the user name, or that must be called. */
function callsOf({ text, tools, choice }: Wanted, behaviour: Behaviour): Composed['calls'] {
  if (behaviour.toolCall) {
    const { name, arguments: input } = behaviour.toolCall;
    return [{ name, input: JSON.parse(input) as unknown }];
  }
  if (choice === 'none') return [];
  let called = tools.filter(({ name }) => text.includes(name));
  if (typeof choice === 'object') called = tools.filter(({ name }) => name === choice.name);
  else if (choice === 'any' && called.length === 0) called = tools.slice(-1);
  return called.map(({ name, schema }) => ({ name, input: exampleOf(schema) }));
}
