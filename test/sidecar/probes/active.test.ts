import { beforeEach, describe, expect, it } from 'vitest';
import { Breakers } from '../../../sidecar/dispatch/breakers.ts';
import { ActiveProbes } from '../../../sidecar/probes/active.ts';
import type { Answered } from '../../../sidecar/probes/ask.ts';
import type { ProviderBody } from '../../../sidecar/snapshot/schema.ts';
import { ManualClock } from '../../operator/support/manual-clock.ts';
import { provider } from '../routing/support.ts';

const ID = 'provider/ns/p';
const UP: Answered = { ok: true, status: 200, body: '' };
const DOWN: Answered = { ok: false, why: 'ECONNREFUSED' };
const check = { path: '/models', intervalMs: 10_000, timeoutMs: 1_000, unhealthyAfter: 3, healthyAfter: 2 };

let clock: ManualClock;
let breakers: Breakers;
let probes: ActiveProbes;
let answer: Answered;
let asked: number;
let mayProbe: boolean;
let changes: string[];
let body: ProviderBody;

const candidate = () => ({ providerId: ID, provider: body, upstreamModel: 'm' }) as never;
const isEjected = () => breakers.ejection(candidate(), clock.monotonic()) !== undefined;
const apply = (active: ProviderBody['active'] = check) => {
  body = provider('p', active && { active });
  probes.apply({ providers: new Map([[ID, { id: ID, generation: 1, body, reason: undefined }]]) });
};
const pass = (ms: number) => clock.pass(ms, () => new Promise((resolve) => setImmediate(resolve)));

beforeEach(() => {
  [clock, answer, asked, mayProbe, changes] = [new ManualClock(), UP, 0, true, []];
  breakers = new Breakers({ credentials: { get: () => 'k', has: () => true, previous: () => undefined } });
  probes = new ActiveProbes({
    health: breakers,
    clock,
    random: () => 0.5,
    ask: () => {
      asked++;
      return Promise.resolve(answer);
    },
    mayProbe: () => mayProbe,
    onChange: (_id, state, why) => void changes.push(`${state} ${why}`),
  });
});

describe('active probes', () => {
  it('take a provider out after so many failures in a row, as long as they go on, and back in after so many answers', async () => {
    apply();
    answer = DOWN;
    await pass(15_000);
    expect([asked, isEjected()]).toEqual([2, false]);
    await pass(10_000);
    expect([asked, isEjected()]).toEqual([3, true]);
    // Longer than the breaker's own ejection: only probes end it.
    await pass(60_000);
    expect(isEjected()).toBe(true);
    answer = UP;
    await pass(10_000);
    expect(isEjected()).toBe(true);
    await pass(10_000);
    expect(isEjected()).toBe(false);
    expect(changes).toEqual(['Down ECONNREFUSED', 'Up status 200']);
  });

  it('start over after a good answer in between', async () => {
    apply();
    for (let n = 0; n < 8; n++) {
      answer = n % 3 === 2 ? UP : DOWN;
      await pass(10_000);
    }
    expect(isEjected()).toBe(false);
  });

  it.each([401, 403, 404, 429])(
    'say nothing where the answer is %i: a wrong path takes nothing out',
    async (status) => {
      apply();
      answer = { ok: true, status, body: '' };
      await pass(100_000);
      expect(isEjected()).toBe(false);
      expect(changes).toEqual([`Unclear status ${status}`]);
    },
  );

  it('are left to other pods where the operator names those, and what this one knew ends by itself', async () => {
    apply();
    answer = DOWN;
    await pass(30_000);
    expect(isEjected()).toBe(true);
    mayProbe = false;
    const before = asked;
    await pass(60_000);
    expect(asked).toBe(before);
    expect(isEjected()).toBe(false);
  });

  it('go on where the configuration changed elsewhere, and end where the check is gone', async () => {
    apply();
    await pass(5_000);
    probes.apply({ providers: new Map([[ID, { id: ID, generation: 2, body, reason: undefined }]]) });
    await pass(10_000);
    expect(asked).toBe(2);
    apply(undefined);
    probes.apply({ providers: new Map() });
    await pass(60_000);
    expect(asked).toBe(2);
    expect(clock.waits).toEqual([]);
  });

  it('of a model leave it to its own requests to close what they opened', async () => {
    apply({ model: 'm', intervalMs: 10_000, timeoutMs: 1_000, unhealthyAfter: 1, healthyAfter: 1 });
    answer = DOWN;
    await pass(3_000);
    expect(isEjected()).toBe(true);
    // Not asked while ejected: what is known stays.
    answer = { ok: false, why: 'Refused' };
    await pass(8_600);
    expect(isEjected()).toBe(false);
    expect(changes).toEqual(['Down ECONNREFUSED']);
  });
});
