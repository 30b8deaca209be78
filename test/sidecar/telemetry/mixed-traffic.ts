/** A thousand requests of every kind and every fate, the same each time: what apps ask, and what the vendors make of it. */
import type { Behaviour, Failure } from '../../../dev/providers/behaviour.ts';
import { type Asked, CALLERS, type Caller } from '../matrix/callers.ts';
import { VENDORS } from '../matrix/vendors.ts';

export type Roll = (below: number) => number;

/** A generator that always gives the same numbers. */
export function dice(seed: number): Roll {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What becomes of a request. */
export const FATES = [
  'Fine',
  'FailsOver',
  'Hedged',
  'Exhausted',
  'Refused',
  'Blamed',
  'Broken',
  'LeftWaiting',
  'LeftReading',
] as const;
type Fate = (typeof FATES)[number];

/** Of every other one. */
const USUAL: readonly Fate[] = ['Fine', 'Fine', 'Fine', 'Hedged'];

export interface Planned {
  caller: Caller;
  /** The model asked for: names the vendor that is tried first. */
  model: string;
  body: Record<string, unknown>;
  fate: Fate;
  /** By attempt; the last holds for all further ones. */
  behaviours: Behaviour[];
}

const WEATHER = {
  name: 'get_weather',
  description: 'The weather at a place.',
  schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

/** Failures that another target can mend, whatever the vendor. */
const MENDED: readonly Failure[] = [
  { kind: 'Status', status: 503 },
  { kind: 'RateLimited', retryAfter: 'Milliseconds', ms: 1 },
  { kind: 'Reset' },
  { kind: 'GarbageJson' },
];
const MENDED_IN_STREAMS: readonly Failure[] = [
  { kind: 'EmptyStream' },
  { kind: 'ErrorInStream', afterEvents: 0 },
  { kind: 'DieMidStream', afterEvents: 1 },
];
/** All vendors have sent words by then, and not all. */
const MIDDLE = 9;
const BROKEN: readonly Failure[] = [
  { kind: 'DieMidStream', afterEvents: MIDDLE },
  { kind: 'Reset', afterEvents: MIDDLE },
  { kind: 'ErrorInStream', afterEvents: MIDDLE },
];

export function plan(index: number, roll: Roll): Planned {
  const caller = pick(CALLERS, roll);
  const vendor = pick(VENDORS, roll);
  const drawn = pick(roll(10) < 5 ? USUAL : FATES, roll);
  const stream = drawn === 'Broken' || drawn === 'LeftReading' || roll(2) === 0;
  const asked: Asked = { user: `This is q${index}. ${'word '.repeat(40 + roll(200))}` };
  // What calls a tool is over before it could break in the middle.
  if (drawn !== 'Broken' && drawn !== 'LeftReading' && roll(4) === 0) {
    asked.tools = [WEATHER];
    asked.user += 'Use get_weather.';
  }
  if (roll(4) === 0) asked.thinks = true;
  const healthy = usageOf(roll);
  const body = { ...caller.request(asked, stream), model: `at-${vendor.dialect}` };
  if (caller.dialect === 'anthropic-messages' && roll(2) === 0) cacheForAnHour(body, roll);
  if (drawn === 'Refused') body.model = 'nobody-has-it';
  if (drawn === 'Hedged') body.model = `hedged-${vendor.dialect}`;
  return {
    caller,
    model: body.model,
    body,
    fate: drawn,
    behaviours: behaviours(drawn, stream, healthy, roll),
  };
}

/** Words that all vendors who have such tiers agree on, and one that nobody has. */
const TIERS = ['priority', 'flex', 'turbo'] as const;

function usageOf(roll: Roll): Behaviour {
  return {
    outputTokens: 20 + roll(30),
    ...(roll(3) === 0 && { cachedTokens: 1 + roll(60) }),
    ...(roll(3) === 0 && { cacheWriteTokens: 1 + roll(60) }),
    ...(roll(3) === 0 && { audioTokens: 1 + roll(30) }),
    ...(roll(3) === 0 && { reasoningTokens: 1 + roll(90) }),
    ...(roll(4) === 0 && { serviceTier: pick(TIERS, roll) }),
  };
}

/** Marks the prompt for the cache. */
function cacheForAnHour(body: Record<string, unknown>, roll: Roll): void {
  const [message] = body.messages as { content: Record<string, unknown>[] }[];
  const [block] = message?.content ?? [];
  if (block) block.cache_control = { type: 'ephemeral', ...(roll(2) === 0 && { ttl: '1h' }) };
}

function behaviours(fate: Fate, stream: boolean, healthy: Behaviour, roll: Roll): Behaviour[] {
  switch (fate) {
    case 'Fine':
    case 'Refused':
      return [healthy];
    case 'FailsOver':
      return [
        { ...healthy, failure: pick(stream ? [...MENDED, ...MENDED_IN_STREAMS] : MENDED, roll) },
        healthy,
      ];
    case 'Hedged':
      // Late enough for a second call, which is quick or as late; whoever loses has begun its work.
      return [{ ...healthy, latencyMs: 200 }, roll(3) === 0 ? { ...healthy, latencyMs: 180 } : healthy];
    case 'Exhausted':
      return [{ ...healthy, failure: pick(MENDED, roll) }];
    case 'Blamed':
      return [{ failure: { kind: 'Status', status: 400, type: 'invalid_request_error', message: 'no' } }];
    case 'Broken':
      return [{ ...healthy, failure: pick(BROKEN, roll) }];
    case 'LeftWaiting':
      return [{ ...healthy, failure: { kind: 'HangBeforeHeaders' } }];
    case 'LeftReading':
      return [{ ...healthy, failure: { kind: 'Stall', afterEvents: MIDDLE } }];
  }
}

function pick<T>(from: readonly T[], roll: Roll): T {
  return from[roll(from.length)] as T;
}
