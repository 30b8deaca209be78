import { describe, expect, it } from 'vitest';
import { FleetLink } from '../../../../sidecar/snapshot/fleet/link.ts';
import { MAX_FLEET_TOPIC_BYTES } from '../../../../sidecar/snapshot/fleet/messages.ts';

/** A source that hands out what it was given, once each. */
function sourceOf(...news: unknown[]) {
  return { topic: 'providers' as const, take: () => news.shift() };
}

describe('the link to the fleet', () => {
  it('sends what was not answered again as it was, and what is new under the next number', () => {
    const link = new FleetLink();
    link.report(sourceOf({ seen: 1 }, { seen: 2 }));
    const first = link.compose();
    expect(first).toEqual({ sequence: 1, providers: { seen: 1 } });
    expect(link.compose()).toBe(first);
    link.delivered(7);
    expect(link.compose()).toBe(first);
    link.delivered(1);
    expect(link.compose()).toEqual({ sequence: 2, providers: { seen: 2 } });
    link.delivered(2);
    expect(link.compose()).toBeUndefined();
  });

  it('leaves out a source that throws or tells too much, and says so', () => {
    const warnings: string[] = [];
    const link = new FleetLink((message) => void warnings.push(message));
    const steps = [
      () => {
        throw new Error('lost');
      },
      () => 'x'.repeat(MAX_FLEET_TOPIC_BYTES),
      () => ({ fine: true }),
    ];
    link.report({ topic: 'providers', take: () => steps.shift()?.() });
    expect(link.compose()).toBeUndefined();
    expect(link.compose()).toBeUndefined();
    expect(link.compose()).toEqual({ sequence: 1, providers: { fine: true } });
    expect(warnings).toHaveLength(2);
    expect(() => link.report(sourceOf())).toThrow('two sources');
  });

  it('hands each topic to its listeners, whatever came, and its absence too', () => {
    const warnings: string[] = [];
    const link = new FleetLink((message) => void warnings.push(message));
    const heard: unknown[] = [];
    link.onHints('providers', () => {
      throw new Error('unreadable');
    });
    link.onHints('providers', (value) => void heard.push(value));
    for (const hints of [{ providers: 3, other: 1 }, null, 'text', [], JSON.parse('{"__proto__":{}}')])
      link.hear(hints);
    expect(heard).toEqual([3, undefined, undefined, undefined, undefined]);
    expect(warnings).toHaveLength(5);
  });
});
