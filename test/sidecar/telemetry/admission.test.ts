import { describe, expect, it } from 'vitest';
import type { PriorityClass } from '../../../sidecar/snapshot/shapes/limits.ts';
import { exchange, plan, type World, world } from './exchanges.ts';
import { readPage, sum } from './page.ts';
import { logFile, make } from './support.ts';

/** A request of the class that was refused with the code, or waited and was served. */
function request(of: World, priority: PriorityClass, waitedMs: number | undefined, errorCode?: string) {
  const [candidate] = Object.values(of.candidates);
  if (!candidate) throw new Error('the world has a candidate');
  const base = exchange(of).plan;
  if (!base) throw new Error('an exchange has a plan');
  const rule = { ...base.rule, admission: { class: priority, maxWaitMs: 1000 } };
  const made = exchange(of, {
    plan: plan(rule, [candidate]),
    ...(errorCode !== undefined && { attempts: [], outcome: { status: 429, errorCode } }),
  });
  if (waitedMs !== undefined) made.waitedMs = waitedMs;
  return made;
}

describe('waiting for headroom', () => {
  it('is counted by class: how long, and who was refused for which reason', async () => {
    const of = world();
    const { telemetry } = await make(of);
    telemetry.record(request(of, 'High', 250));
    telemetry.record(request(of, 'Batch', 1000, 'admission_timeout'));
    telemetry.record(request(of, 'Batch', 0, 'admission_shed'));
    telemetry.record(request(of, 'Normal', undefined, 'rate_limited'));
    telemetry.record(request(of, 'Normal', undefined));
    const page = readPage(await telemetry.metrics());
    const waits = page.filter(({ name }) => name === 'outrider_admission_wait_seconds_count');
    expect(waits.map(({ labels, value }) => [labels.class, value])).toEqual([
      ['High', 1],
      ['Batch', 2],
    ]);
    expect(sum(page, 'outrider_admission_wait_seconds_sum')).toBeCloseTo(1.25);
    const refused = page.filter(({ name }) => name === 'outrider_admission_refused_total');
    expect(refused.map(({ labels }) => `${labels.class} ${labels.reason}`)).toEqual([
      'Batch Timeout',
      'Batch Shed',
      'Normal NoHeadroom',
    ]);
  });

  it('is in the log line of those who waited', async () => {
    const of = world();
    const log = logFile();
    const { telemetry } = await make(of, { accessLog: { destination: log.path } });
    telemetry.record(request(of, 'High', 250));
    telemetry.record(request(of, 'High', undefined));
    await telemetry.flush(1000);
    expect(log.records().map(({ waitedMs }) => waitedMs)).toEqual([250, null]);
  });

  it('shows each change of a breaker', async () => {
    const of = world();
    const { telemetry } = await make(of);
    for (const to of ['Open', 'HalfOpen', 'Closed'] as const)
      telemetry.breakerMoved('provider/demo/main', 'Model', to);
    const lines = readPage(await telemetry.metrics()).filter(
      ({ name }) => name === 'outrider_breaker_transitions_total',
    );
    expect(lines.map(({ labels }) => labels.to)).toEqual(['Open', 'HalfOpen', 'Closed']);
  });
});
