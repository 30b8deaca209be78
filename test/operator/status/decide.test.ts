import { describe, expect, it } from 'vitest';
import { llmProvider } from '../../../crds/llmprovider.ts';
import type { LLMRouteStatus } from '../../../crds/llmroute.ts';
import { llmRoute } from '../../../crds/llmroute.ts';
import type { Verdict, VerdictCondition } from '../../../operator/compile/types.ts';
import { providerStatus, routeStatus } from '../../../operator/status/decide.ts';
import { type ClockFacts, DEFAULT_WAITS, type ProxyFact } from '../../../operator/status/programmed.ts';

const NOW = Date.parse('2026-01-02T03:04:05.678Z');
const CLOCK: ClockFacts = {
  now: NOW,
  leaderForMs: 3_600_000,
  pendingForMs: undefined,
  writtenMsAgo: undefined,
};

function verdict(generation = 3, ...changed: VerdictCondition[]): Verdict {
  const conditions: VerdictCondition[] = [
    { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'accepted' },
    { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'resolved' },
    { type: 'Conflicted', status: 'False', reason: 'NoConflict', message: 'no conflict' },
  ];
  return {
    kind: 'LLMRoute',
    namespace: 'shop',
    name: 'assistant',
    uid: 'u',
    generation,
    itemId: 'route/shop/assistant',
    conditions: conditions.map((c) => changed.find(({ type }) => type === c.type) ?? c),
  };
}

function proxy(name: string, change: Partial<ProxyFact> = {}): ProxyFact {
  return {
    pod: `shop/${name}`,
    connected: true,
    silentForMs: 5_000,
    runningForMs: 600_000,
    standing: { state: 'Runs' },
    ...change,
  };
}

const behind = { standing: { state: 'Behind', older: true } } as const;
const fresh = { standing: { state: 'New' }, runningForMs: 1_000 } as const;
const refuses = (unsupported: boolean, older = false) =>
  ({
    standing: { state: 'Refused', item: 'route/shop/assistant', reason: 'cannot', unsupported, older },
  }) as const;

const decide = (
  previous: LLMRouteStatus | undefined,
  proxies: readonly ProxyFact[],
  clock: Partial<ClockFacts> = {},
  judged = verdict(),
) => routeStatus(previous, judged, proxies, { ...CLOCK, ...clock });

/** A status as it is stored after everything went well. */
function stored(proxies: readonly ProxyFact[] = [proxy('a')], generation = 3): LLMRouteStatus {
  const { status } = routeStatus(undefined, verdict(generation), proxies, { ...CLOCK, now: NOW - 60_000 });
  return structuredClone(status);
}

const condition = (status: LLMRouteStatus, type: string) =>
  status.conditions?.find((each) => each.type === type);
const short = (status: LLMRouteStatus, type = 'Programmed') => {
  const found = condition(status, type);
  return found && `${found.status}/${found.reason}@${found.observedGeneration}`;
};

describe('Programmed', () => {
  it.each<[string, ProxyFact[], string]>([
    ['all expected run it', [proxy('a'), proxy('b')], 'True/Programmed@3'],
    ['none is expected', [], 'True/NoProxies@3'],
    ['the only pod is still starting', [proxy('a', { ...fresh, connected: false })], 'True/NoProxies@3'],
    ['one refuses', [proxy('a'), proxy('b', refuses(false))], 'False/Rejected@3'],
    ['one is too old for it', [proxy('a'), proxy('b', refuses(true))], 'False/UnsupportedByProxy@3'],
    [
      'one is too old and one refuses',
      [proxy('a', refuses(false)), proxy('b', refuses(true))],
      'False/Rejected@3',
    ],
    [
      'one is silent for over a minute',
      [proxy('a'), proxy('b', { connected: false, silentForMs: 60_001 })],
      'Unknown/ProxiesUnreachable@3',
    ],
    [
      'a disconnected one was heard of within a minute',
      [proxy('a', { connected: false, silentForMs: 60_000 })],
      'True/Programmed@3',
    ],
    [
      'a refusal outweighs silence',
      [proxy('a', refuses(false)), proxy('b', { silentForMs: 70_000 })],
      'False/Rejected@3',
    ],
    [
      'a pod runs for 30 s and never connected',
      [
        proxy('a'),
        proxy('b', {
          standing: { state: 'New' },
          connected: false,
          runningForMs: 30_000,
          silentForMs: 61_000,
        }),
      ],
      'Unknown/ProxiesUnreachable@3',
    ],
  ])('when %s', (_, proxies, expected) => {
    expect(short(decide(undefined, proxies).status)).toBe(expected);
  });

  it('is False at once for what was not accepted, with the reason of that, whoever is connected', () => {
    const bad = verdict(3, { type: 'Accepted', status: 'False', reason: 'Invalid', message: 'bad pattern' });
    for (const proxies of [[], [proxy('a', behind)], [proxy('a', { silentForMs: 99_999 })]]) {
      const { status, write } = decide(stored(), proxies, { leaderForMs: 0 }, bad);
      expect(write).toBe(true);
      expect(short(status)).toBe('False/NotAccepted@3');
      expect(condition(status, 'Programmed')?.message).toBe('bad pattern');
      expect(short(status, 'Ready')).toBe('False/Invalid@3');
    }
  });

  it('waits a moment for sidecars on their way, writes nothing meanwhile, then says so', () => {
    const proxies = [proxy('a'), proxy('b', behind)];
    const first = decide(undefined, proxies);
    expect([first.write, first.pending, first.againInMs]).toEqual([false, true, 1000]);
    const later = decide(undefined, proxies, { pendingForMs: 400 });
    expect([later.write, later.pending, later.againInMs]).toEqual([false, true, 600]);
    const late = decide(undefined, proxies, { pendingForMs: 1000 });
    expect([late.write, late.pending]).toEqual([true, true]);
    expect(short(late.status)).toBe('Unknown/Pending@3');
    expect(condition(late.status, 'Programmed')?.message).toBe('waiting for shop/b');
    const done = decide(late.status, [proxy('a'), proxy('b')], { pendingForMs: 1200 });
    expect([done.write, done.pending, short(done.status)]).toEqual([true, false, 'True/Programmed@3']);
  });

  it('is not flipped by pods that start, connected or not, and asks again when they would count', () => {
    const before = stored([proxy('a')]);
    const connected = decide(before, [proxy('a'), proxy('b', fresh)], { writtenMsAgo: 10 });
    expect([connected.write, short(connected.status)]).toEqual([false, 'True/Programmed@3']);
    const unconnected = decide(before, [
      proxy('a'),
      proxy('b', { ...fresh, connected: false, silentForMs: 1000 }),
    ]);
    expect([unconnected.write, short(unconnected.status)]).toEqual([false, 'True/Programmed@3']);
    expect(unconnected.againInMs).toBe(29_000);
    // The first pod of a route that had none.
    const none = stored([]);
    expect(short(decide(none, [proxy('a', fresh)]).status)).toBe('True/NoProxies@3');
    expect(short(decide(none, [proxy('a'), proxy('b', fresh)]).status)).toBe('True/Programmed@3');
    // But one that stays silent does.
    const silent = decide(before, [proxy('a'), proxy('b', { ...fresh, silentForMs: 60_001 })]);
    expect(short(silent.status)).toBe('Unknown/ProxiesUnreachable@3');
  });

  it('says nothing new about silence or refusals in the first moments of a leader', () => {
    const before = stored([proxy('a')]);
    const clock = { leaderForMs: 10_000 };
    for (const bad of [behind, refuses(false), refuses(true), { connected: false, silentForMs: 61_000 }]) {
      const { status, write, againInMs } = decide(before, [proxy('a', bad)], {
        ...clock,
        pendingForMs: 5_000,
      });
      expect([write, short(status), short(status, 'Ready')]).toEqual([
        false,
        'True/Programmed@3',
        'True/Ready@3',
      ]);
      expect(againInMs).toBeLessThanOrEqual(20_000);
    }
    // A newer generation: what is known without sidecars is written, what only they know is left as it was.
    const unresolved = verdict(4, {
      type: 'ResolvedRefs',
      status: 'False',
      reason: 'ProviderNotFound',
      message: 'no',
    });
    const newer = decide(before, [proxy('a', refuses(false))], clock, unresolved);
    expect([newer.write, short(newer.status), short(newer.status, 'ResolvedRefs')]).toEqual([
      true,
      'True/Programmed@3',
      'False/ProviderNotFound@4',
    ]);
    expect(newer.status.proxies).toEqual(before.proxies);
    // True is no risk.
    expect(short(decide(before, [proxy('a')], clock, verdict(4)).status)).toBe('True/Programmed@4');
    // After the window it says what it sees.
    expect(short(decide(before, [proxy('a', refuses(false))], { leaderForMs: 30_000 }).status)).toBe(
      'False/Rejected@3',
    );
    // An object without a status has nothing to lose.
    expect(short(decide(undefined, [proxy('a', refuses(false))], clock).status)).toBe('False/Rejected@3');
  });
});

describe('numbers', () => {
  it('counts expected, connected, programmed, stale and rejected, and names ten', () => {
    const many = Array.from({ length: 12 }, (_, i) => proxy(`r${i}`, refuses(false, i < 2)));
    const { status } = decide(undefined, [
      proxy('a'),
      proxy('b', { connected: false }),
      proxy('c', behind),
      proxy('d', fresh),
      proxy('e', { ...fresh, connected: false }),
      ...many,
    ]);
    expect(status.proxies).toMatchObject({
      expected: 16,
      connected: 15,
      programmed: 2,
      stale: 3,
      rejectedCount: 12,
    });
    expect(status.proxies?.rejected).toHaveLength(10);
    expect(status.proxies?.rejected?.[0]).toEqual({
      pod: 'shop/r0',
      item: 'route/shop/assistant',
      reason: 'cannot',
    });
    expect(llmRoute.status.safeParse(status).error).toBeUndefined();
  });

  it('are written at most once a minute', () => {
    const before = stored([proxy('a')]);
    const grown = [proxy('a'), proxy('b')];
    const soon = decide(before, grown, { writtenMsAgo: 20_000 });
    expect([soon.write, soon.againInMs]).toEqual([false, 40_000]);
    const due = decide(before, grown, { writtenMsAgo: 60_000 });
    expect([due.write, due.status.proxies?.expected]).toEqual([true, 2]);
    // A new leader has not written yet; its own age stands in.
    expect(decide(before, grown, { leaderForMs: 31_000 }).write).toBe(false);
    expect(decide(before, grown, { leaderForMs: 61_000 }).write).toBe(true);
    // A message that names another pod is a number in words.
    const refused = stored([proxy('a', refuses(false)), proxy('b')]);
    expect(decide(refused, [proxy('a'), proxy('b', refuses(false))], { writtenMsAgo: 1000 }).write).toBe(
      false,
    );
    // With a condition that changes they go along.
    const changed = decide(before, [proxy('a'), proxy('b', refuses(false))], { writtenMsAgo: 1000 });
    expect([changed.write, changed.status.proxies?.rejectedCount]).toEqual([true, 1]);
  });
});

describe('conditions', () => {
  it('are all there on the first visit, with generation and time', () => {
    const { status, write } = decide(undefined, []);
    expect(write).toBe(true);
    expect(status.observedGeneration).toBe(3);
    expect(status.conditions?.map(({ type }) => type).sort()).toEqual([
      'Accepted',
      'Conflicted',
      'Programmed',
      'Ready',
      'ResolvedRefs',
    ]);
    for (const each of status.conditions ?? []) {
      expect(each.observedGeneration).toBe(3);
      expect(each.lastTransitionTime).toBe('2026-01-02T03:04:05Z');
    }
    expect(llmRoute.status.safeParse(status).error).toBeUndefined();
  });

  it('move their time only with their status', () => {
    const before = stored([]);
    const old = condition(before, 'Accepted')?.lastTransitionTime;
    const { status } = decide(before, [], {}, verdict(4));
    expect(condition(status, 'Accepted')).toMatchObject({ lastTransitionTime: old, observedGeneration: 4 });
    const other = verdict(4, {
      type: 'Accepted',
      status: 'True',
      reason: 'NotAPlatformNamespace',
      message: 'x',
    });
    expect(condition(decide(before, [], {}, other).status, 'Accepted')?.lastTransitionTime).toBe(old);
    const bad = verdict(4, { type: 'Accepted', status: 'False', reason: 'Invalid', message: 'x' });
    expect(condition(decide(before, [], {}, bad).status, 'Accepted')?.lastTransitionTime).toBe(
      '2026-01-02T03:04:05Z',
    );
  });

  it('sum up in Ready; a partial conflict is no obstacle', () => {
    const unresolved = verdict(3, {
      type: 'ResolvedRefs',
      status: 'False',
      reason: 'ProviderNotFound',
      message: 'no p',
    });
    expect(condition(decide(undefined, [], {}, unresolved).status, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ProviderNotFound',
      message: 'no p',
    });
    const silent = decide(undefined, [proxy('a', { silentForMs: 61_000 })]).status;
    expect(short(silent, 'Ready')).toBe('Unknown/ProxiesUnreachable@3');
    const conflicted = verdict(3, {
      type: 'Conflicted',
      status: 'True',
      reason: 'PatternShadowed',
      message: 'x',
    });
    expect(short(decide(undefined, [], {}, conflicted).status, 'Ready')).toBe('True/Ready@3');
  });

  it('cut messages to what the API takes', () => {
    const long = verdict(3, {
      type: 'Accepted',
      status: 'False',
      reason: 'Invalid',
      message: 'x'.repeat(40_000),
    });
    const { status } = decide(undefined, [], {}, long);
    expect(condition(status, 'Accepted')?.message).toHaveLength(32_768);
    expect(llmRoute.status.safeParse(status).error).toBeUndefined();
  });
});

describe('writing', () => {
  it('never happens for an equal status, however the server ordered it', () => {
    const before = stored([proxy('a')]);
    expect(decide(before, [proxy('a')], { writtenMsAgo: 999_999 }).write).toBe(false);
    const shuffled: LLMRouteStatus = {
      proxies: { ...before.proxies, programmed: 1, expected: 1 } as LLMRouteStatus['proxies'],
      conditions: [...(before.conditions ?? [])].reverse().concat({
        type: 'Foreign',
        status: 'True',
        reason: 'Other',
        message: 'of someone else',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      }),
      observedGeneration: 3,
    };
    expect(decide(shuffled, [proxy('a')], { writtenMsAgo: 999_999 }).write).toBe(false);
  });

  it('never happens over a newer generation than the one known here', () => {
    expect(decide(stored([], 4), [proxy('a', refuses(false))]).write).toBe(false);
  });

  it('happens at once when what compile says changed, texts included', () => {
    const before = stored([]);
    const other = verdict(3, {
      type: 'Accepted',
      status: 'True',
      reason: 'Accepted',
      message: 'other words',
    });
    expect(decide(before, [], { writtenMsAgo: 10 }, other).write).toBe(true);
  });
});

describe('providers', () => {
  it('carry models and no numbers', () => {
    const judged: Verdict = {
      ...verdict(),
      kind: 'LLMProvider',
      conditions: verdict().conditions.filter(({ type }) => type !== 'Conflicted'),
      models: [{ name: 'm', priced: false }],
    };
    const first = providerStatus(undefined, judged, [proxy('a')], CLOCK, DEFAULT_WAITS);
    expect(first.status.models).toEqual([{ name: 'm', priced: false }]);
    expect(first.status).not.toHaveProperty('proxies');
    expect(llmProvider.status.safeParse(first.status).error).toBeUndefined();
    expect(providerStatus(first.status, judged, [proxy('a')], CLOCK).write).toBe(false);
    const priced = { ...judged, models: [{ name: 'm', priced: true }] };
    expect(providerStatus(first.status, priced, [proxy('a')], { ...CLOCK, writtenMsAgo: 5 }).write).toBe(
      true,
    );
  });
});
