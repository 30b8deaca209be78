import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FleetKnowledge, readFleetReport } from '../../../operator/fleet/knowledge.ts';
import type { FleetTopic } from '../../../operator/fleet/topic.ts';
import { MAX_HINTS_BYTES } from '../../../sidecar/snapshot/fleet/messages.ts';
import { ListedPods, podNamed } from '../sync/support/pods.ts';
import { routeItem, snapshotOf } from '../sync/support/snapshots.ts';

class Spy implements FleetTopic {
  readonly name = 'providers';
  readonly accepted: unknown[] = [];
  readonly forgotten: string[] = [];
  hints: unknown;

  accept(_audience: unknown, value: unknown): boolean {
    this.accepted.push(value);
    return value !== 'nonsense';
  }

  hintsFor(): unknown {
    return this.hints;
  }

  forget(uid: string): void {
    this.forgotten.push(uid);
  }
}

let topic: Spy;
let pods: ListedPods;
let problems: string[];
let knowledge: FleetKnowledge;
const snapshot = snapshotOf(routeItem('a'));

beforeEach(() => {
  topic = new Spy();
  pods = new ListedPods();
  problems = [];
  knowledge = new FleetKnowledge({
    topics: [topic],
    pods,
    onProblem: (name, problem) => void problems.push(`${name} ${problem}`),
  });
});
afterEach(() => knowledge.stop());

describe('what the fleet knows', () => {
  it('counts each report of a pod once, and begins anew with its process', () => {
    const audience = { pod: pods.set(podNamed('one')), snapshot };
    for (const [epoch, sequence] of [
      ['e1', 1],
      ['e1', 1],
      ['e1', 2],
      ['e1', 1],
      ['e2', 1],
    ] as const) {
      knowledge.accept(audience, epoch, { sequence, providers: `${epoch} ${sequence}` }, 0);
    }
    expect(topic.accepted).toEqual(['e1 1', 'e1 2', 'e2 1']);
  });

  it('names what is not of the agreed form', () => {
    knowledge.accept({ pod: podNamed('one'), snapshot }, 'e', { sequence: 1, providers: 'nonsense' }, 0);
    expect(problems).toEqual(['providers Malformed']);
  });

  it('gives no hints that a pod could not take in', () => {
    const audience = { pod: podNamed('one'), snapshot };
    expect(knowledge.hintsFor(audience, 0)).toBeUndefined();
    topic.hints = 'x'.repeat(MAX_HINTS_BYTES - 20);
    const fitting = knowledge.hintsFor(audience, 0);
    expect(Buffer.byteLength(JSON.stringify(fitting))).toBeLessThanOrEqual(MAX_HINTS_BYTES);
    topic.hints = 'x'.repeat(MAX_HINTS_BYTES);
    expect(knowledge.hintsFor(audience, 0)).toBeUndefined();
    expect(problems).toEqual(['providers TooLong']);
  });

  it('forgets a pod that is gone', () => {
    const pod = pods.set(podNamed('one'));
    pods.delete(pod.uid);
    expect(topic.forgotten).toEqual([pod.uid]);
  });

  it('reads a report as anything at all', () => {
    for (const value of [
      undefined,
      null,
      1,
      'x',
      [],
      {},
      { sequence: 0 },
      { sequence: 1.5 },
      { sequence: '1' },
    ])
      expect(readFleetReport(value)).toBeUndefined();
    expect(readFleetReport({ sequence: 3, providers: [1], unheard: 2 })).toEqual({
      sequence: 3,
      providers: [1],
    });
  });
});
