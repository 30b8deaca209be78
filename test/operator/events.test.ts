import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../crds/common.ts';
import { type ClusterEvent, type EventResult, EventWriter } from '../../operator/events.ts';
import { ApiError } from '../../operator/watch/api-error.ts';
import { silentLog } from '../../operator/watch/log.ts';
import { ManualClock } from './support/manual-clock.ts';
import { failing, RecordingClient } from './support/recording-client.ts';

let clock: ManualClock;
let client: RecordingClient;
let writer: EventWriter;
let results: EventResult[];

function start(): void {
  results = [];
  writer = new EventWriter({
    client,
    clock,
    random: () => 1,
    log: silentLog,
    controller: 'outrider.dev/operator',
    instance: 'outrider-0',
    observe: (result) => results.push(result),
  });
}
beforeEach(() => {
  clock = new ManualClock();
  client = new RecordingClient();
  start();
});
afterEach(() => writer.stop());

function about(name: string, change: Partial<ClusterEvent> = {}): ClusterEvent {
  return {
    regarding: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name, uid: `uid-${name}` },
    type: 'Warning',
    reason: 'SidecarMissing',
    action: 'Inject',
    note: 'the pod has no sidecar',
    ...change,
  };
}
const settle = () => writer.queue.idle();
const EVENTS = '/apis/events.k8s.io/v1/namespaces/shop/events';

describe('events', () => {
  it('are written whole', async () => {
    writer.emit(about('web', { note: 'x'.repeat(2000) }));
    await settle();
    expect(client.requests).toEqual([
      {
        method: 'POST',
        path: EVENTS,
        body: {
          apiVersion: 'events.k8s.io/v1',
          kind: 'Event',
          metadata: { name: expect.stringMatching(/^web\.[0-9a-f]{16}$/), namespace: 'shop' },
          eventTime: '2026-01-01T00:00:00.000000Z',
          reportingController: 'outrider.dev/operator',
          reportingInstance: 'outrider-0',
          regarding: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'web', uid: 'uid-web' },
          type: 'Warning',
          reason: 'SidecarMissing',
          action: 'Inject',
          note: 'x'.repeat(1024),
        },
      },
    ]);
    expect(results).toEqual(['Written']);
  });

  it('that come again are one with a count, written once a minute', async () => {
    writer.emit(about('web'));
    await settle();
    const [first] = client.requests.splice(0);
    for (let i = 0; i < 100; i++) {
      clock.advance(900);
      writer.emit(about('web'));
    }
    await settle();
    expect(client.requests).toEqual([
      {
        method: 'PATCH',
        path: `${EVENTS}/${(first?.body as KubeObject | undefined)?.metadata.name}`,
        contentType: 'application/merge-patch+json',
        body: { series: { count: 68, lastObservedTime: '2026-01-01T00:01:00.300000Z' } },
      },
    ]);
    clock.advance(60_000);
    await settle();
    expect(client.requests.at(-1)?.body).toEqual({
      series: { count: 101, lastObservedTime: '2026-01-01T00:01:30.000000Z' },
    });
  });

  it('go on counting what was told before a restart', async () => {
    writer.emit(about('web'));
    await settle();
    await writer.stop();
    client.taken();
    client.answer = ({ method }) => {
      if (method === 'POST') throw new ApiError(409, 'AlreadyExists', '');
      return method === 'PATCH' ? {} : { series: { count: 7 } };
    };
    start();
    writer.emit(about('web'));
    await settle();
    expect(client.requests.map(({ method = 'GET' }) => method)).toEqual(['POST', 'GET', 'PATCH']);
    expect(client.requests[2]?.body).toMatchObject({ series: { count: 8 } });
  });

  it('begin anew where the API server has forgotten them', async () => {
    writer.emit(about('web'));
    await settle();
    client.answer = ({ method }) => (method === 'PATCH' ? failing(404, 'NotFound')() : {});
    writer.emit(about('web'));
    writer.emit(about('web'));
    clock.advance(60_000);
    await settle();
    expect(client.requests.map(({ method }) => method)).toEqual(['POST', 'PATCH', 'POST']);
    expect(client.requests[2]?.body).toMatchObject({ series: { count: 2 } });
    expect(results).toEqual(['Written', 'Written']);
  });

  it('of one object are bounded, and those of all are', async () => {
    for (let i = 0; i < 50; i++) writer.emit(about('noisy', { note: `note ${i}` }));
    await settle();
    expect(client.taken()).toHaveLength(10);
    expect(results.filter((result) => result === 'Dropped')).toHaveLength(40);
    for (let i = 0; i < 200; i++) writer.emit(about(`pod-${i}`));
    await settle();
    // What is left of a hundred after those before: each of them had its own allowance, and took from that of all.
    expect(client.taken()).toHaveLength(90);
    clock.advance(60_000);
    writer.emit(about('noisy', { note: 'another' }));
    for (let i = 0; i < 200; i++) writer.emit(about(`later-${i}`));
    await settle();
    expect(client.taken()).toHaveLength(100);
  });

  it('that cannot be written for now are tried again; those that never can are dropped', async () => {
    client.answer = failing(503);
    writer.emit(about('web'));
    await settle();
    client.answer = () => ({});
    clock.advance(1_000);
    await settle();
    expect(client.taken()).toHaveLength(2);
    client.answer = failing(403, 'Forbidden');
    writer.emit(about('other'));
    await settle();
    clock.advance(3_600_000);
    await settle();
    expect(client.taken()).toHaveLength(1);
    expect(results).toEqual(['Written', 'Failed']);
  });

  it('have names that the API server takes, however long those of their objects are', async () => {
    const name = `${'a'.repeat(199)}-b`;
    writer.emit(about(name));
    await settle();
    const body = client.requests[0]?.body as { metadata: { name: string } };
    expect(body.metadata.name).toMatch(/^a{199}\.[0-9a-f]{16}$/);
  });
});
