import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Credential, Keyring, ServingCredential } from '../../../operator/certificates/keyring.ts';
import { trustBundle } from '../../../operator/certificates/keyring.ts';
import {
  DEFAULT_LIFETIMES,
  DEFAULT_WAITS,
  nextStep,
  type RotationFacts,
  type Step,
} from '../../../operator/certificates/rotation.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NAMES = ['outrider.outrider-system.svc'];

function credential(name: string, notBefore: number, notAfter: number): Credential {
  return { cert: `${name}\n`, key: `${name} key\n`, notBefore, notAfter };
}
function serving(by: string, notBefore: number, notAfter: number, names = NAMES): ServingCredential {
  return { ...credential(`serving by ${by}`, notBefore, notAfter), names };
}

const signer = credential('old', 0, 360 * DAY);
const next = credential('new', 240 * DAY, 600 * DAY);
const stable: Keyring = { state: 'Stable', signer, serving: serving('old', 0, 90 * DAY) };
const late = serving('old', 200 * DAY, 290 * DAY);
const introducing: Keyring = { state: 'Introducing', signer, next, since: 240 * DAY, serving: late };
const retiring: Keyring = {
  state: 'Retiring',
  signer: next,
  previous: signer.cert,
  until: 291 * DAY,
  serving: serving('new', 241 * DAY, 331 * DAY),
};

function facts(now: number, change: Partial<RotationFacts> = {}): RotationFacts {
  return {
    now,
    isLeader: true,
    leaderForMs: HOUR,
    names: NAMES,
    fleet: { behind: 0, silent: 0 },
    published: true,
    lifetimes: DEFAULT_LIFETIMES,
    waits: DEFAULT_WAITS,
    ...change,
  };
}

const SETTLED = 240 * DAY + 10 * MINUTE;

describe('the next step', () => {
  const cases: [string, Keyring | undefined, RotationFacts, Partial<Step>][] = [
    ['makes what is not there, on any replica', undefined, facts(0, { isLeader: false }), { kind: 'Create' }],
    ['does nothing in the first two thirds', stable, facts(59 * DAY), { kind: 'None', againInMs: HOUR }],
    ['renews a serving certificate in its last third', stable, facts(60 * DAY), { kind: 'IssueServing' }],
    ['leaves that to the leader', stable, facts(60 * DAY, { isLeader: false }), { kind: 'None' }],
    [
      'but not once nothing can be served',
      stable,
      facts(90 * DAY, { isLeader: false }),
      { kind: 'IssueServing' },
    ],
    [
      'issues for other names at once',
      stable,
      facts(DAY, { names: ['a.svc', ...NAMES] }),
      { kind: 'IssueServing' },
    ],
    [
      'does not renew what could not live longer',
      { ...stable, serving: serving('old', 330 * DAY, 360 * DAY) },
      facts(355 * DAY, { waits: { ...DEFAULT_WAITS, settleMs: 0 } }),
      { kind: 'Introduce' },
    ],
    [
      'introduces a successor in the last third',
      { ...stable, serving: late },
      facts(240 * DAY),
      { kind: 'Introduce' },
    ],
    ['polls while it is introduced', introducing, facts(240 * DAY), { kind: 'None', againInMs: 10_000 }],
    [
      'lets the new one sign once it is settled and trusted',
      introducing,
      facts(SETTLED),
      { kind: 'Promote', unready: false },
    ],
    ['not before it is settled', introducing, facts(SETTLED - 1), { kind: 'None' }],
    [
      'not while a connected sidecar trusts another bundle',
      introducing,
      facts(255 * DAY, { fleet: { behind: 1, silent: 0 } }),
      { kind: 'None' },
    ],
    [
      'not while a sidecar is away',
      introducing,
      facts(SETTLED, { fleet: { behind: 0, silent: 1 } }),
      { kind: 'None' },
    ],
    [
      'for longer than a day',
      introducing,
      facts(241 * DAY, { fleet: { behind: 0, silent: 9 } }),
      { kind: 'Promote', unready: false },
    ],
    [
      'not before the API server and the namespaces have it',
      introducing,
      facts(241 * DAY, { published: false }),
      { kind: 'None' },
    ],
    [
      'not while the leader has not heard everyone',
      introducing,
      facts(SETTLED, { leaderForMs: MINUTE - 1 }),
      { kind: 'None' },
    ],
    [
      'retires the old one when nothing is left that it signed',
      retiring,
      facts(291 * DAY),
      { kind: 'Retire' },
    ],
    ['and not before', retiring, facts(291 * DAY - 1), { kind: 'None' }],
    [
      'starts anew where the authority has expired',
      stable,
      facts(360 * DAY, { isLeader: false }),
      { kind: 'Create' },
    ],
    [
      'prefers a successor that some trust',
      introducing,
      facts(360 * DAY, { isLeader: false }),
      { kind: 'Promote', unready: true },
    ],
  ];
  it.each(cases)('%s', (_, keyring, given, expected) => {
    expect(nextStep(keyring, given)).toMatchObject(expected);
  });

  it('waits for a connected sidecar until the old authority is as good as gone', () => {
    const fresh = { ...introducing, serving: serving('old', 340 * DAY, 360 * DAY) };
    const behind = { fleet: { behind: 1, silent: 0 } };
    expect(nextStep(fresh, facts(358 * DAY, behind)).kind).toBe('None');
    expect(nextStep(fresh, facts(359 * DAY, behind))).toEqual({ kind: 'Promote', unready: true });
  });
});

it('publishes the same text before and after the new authority begins to sign', () => {
  expect(trustBundle(introducing)).toBe('old\nnew\n');
  expect(trustBundle(retiring)).toBe('old\nnew\n');
});

/** What `carryOut` does, without keys. */
function applied(step: Step, keyring: Keyring | undefined, now: number, made: () => string): Keyring {
  const authority = () => credential(made(), now, now + DEFAULT_LIFETIMES.authorityMs);
  const issued = (by: Credential) =>
    serving(by.cert.trim(), now, Math.min(now + DEFAULT_LIFETIMES.servingMs, by.notAfter));
  if (step.kind === 'Create' || !keyring) {
    const created = authority();
    return { state: 'Stable', signer: created, serving: issued(created) };
  }
  switch (step.kind) {
    case 'None':
      return keyring;
    case 'IssueServing':
      return { ...keyring, serving: issued(keyring.signer) };
    case 'Introduce':
      return {
        state: 'Introducing',
        signer: keyring.signer,
        next: authority(),
        since: now,
        serving: keyring.serving,
      };
    case 'Promote': {
      const { next: promoted } = keyring as Keyring & { state: 'Introducing' };
      const until = keyring.serving.notAfter;
      return {
        state: 'Retiring',
        signer: promoted,
        previous: keyring.signer.cert,
        until,
        serving: issued(promoted),
      };
    }
    case 'Retire':
      return { state: 'Stable', signer: keyring.signer, serving: keyring.serving };
  }
}

describe('over years', () => {
  /** One sidecar: how long its file lags behind what is published, and whether it speaks. */
  const sidecar = fc.record({
    lagMs: fc.integer({ min: 0, max: 5 * HOUR }),
    tells: fc.boolean(),
    awayFrom: fc.integer({ min: 0, max: 400 }),
    awayDays: fc.integer({ min: 0, max: 3 }),
  });

  it('every sidecar trusts what is served, at every moment, even by a replica that hears of nothing any more', () => {
    let rotations = 0;
    fc.assert(
      fc.property(
        fc.array(sidecar, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 200, max: 300 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 240 })),
        fc.infiniteStream(fc.integer({ min: 0, max: 99 })),
        (sidecars, deafFrom, minutes, chances) => {
          let deaf: ServingCredential | undefined;
          let now = 0;
          let keyring: Keyring | undefined;
          let authorities = 0;
          let leaderSince = 0;
          const published: { at: number; bundle: string }[] = [];
          const seen = (at: number) =>
            published.findLast((each) => each.at <= at)?.bundle ?? published[0]?.bundle;
          while (now < 500 * DAY) {
            // A new leader now and then, which has heard nobody yet.
            if ((chances.next().value as number) < 3) leaderSince = now;
            const isAway = ({ awayFrom, awayDays }: (typeof sidecars)[number]) =>
              now >= awayFrom * DAY && now < (awayFrom + awayDays) * DAY;
            const bundle = keyring && trustBundle(keyring);
            let [behind, silent] = [0, 0];
            for (const each of sidecars) {
              if (isAway(each) || !each.tells) silent += 1;
              else if (seen(now - each.lagMs) !== bundle) behind += 1;
            }
            const step = nextStep(
              keyring,
              facts(now, { fleet: { behind, silent }, leaderForMs: now - leaderSince }),
            );
            keyring = applied(step, keyring, now, () => `ca${(authorities += 1)}`);
            if (step.kind === 'Promote') rotations += 1;
            expect(step).not.toMatchObject({ unready: true });
            if (published.at(-1)?.bundle !== trustBundle(keyring))
              published.push({ at: now, bundle: trustBundle(keyring) });
            expect(keyring.serving.notAfter).toBeGreaterThan(now);
            if (now >= deafFrom * DAY) deaf ??= keyring.serving;
            const inUse = [keyring.serving, ...(deaf && deaf.notAfter > now ? [deaf] : [])];
            for (const each of sidecars) {
              for (const { cert } of inUse) {
                expect(seen(now - each.lagMs)).toContain(`${cert.trim().slice('serving by '.length)}\n`);
              }
            }
            const quick = keyring.state === 'Introducing' || (chances.next().value as number) < 10;
            now += quick ? (minutes.next().value as number) * MINUTE : 12 * HOUR;
          }
          // One authority after the other, none made twice.
          expect(authorities).toBeLessThanOrEqual(3);
        },
      ),
      { numRuns: 40 },
    );
    expect(rotations).toBeGreaterThanOrEqual(40);
  });
});
