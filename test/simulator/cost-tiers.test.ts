/** A day of the cost tiers, in part with the middle model down: where prompts go, and what all of it costs. */
import { beforeAll, describe, expect, it } from 'vitest';
import { readPrompts, type Tier, tierExample } from '../examples/support/tiers.ts';
import { type Simulation, type SimulationOptions, simulate } from './simulator.ts';
import type { Served } from './timeline.ts';

const prompts = readPrompts('evaluation');
const TIER_OF: Record<string, Tier> = { small: 'basic', middle: 'general', top: 'complex' };
/** 100 tokens in and 50 out at the top model, in nano-USD. */
const TOP_NANO_USD = 3_750_000n;
const EVERY_MS = 250;

let options: Omit<SimulationOptions, 'scripts'>;
beforeAll(async () => {
  const { route, providers } = await tierExample();
  const { rules = [], signals } = route.body ?? {};
  options = {
    seed: 7,
    rule: rules,
    signals,
    providers,
    // Each prompt once, by the clock.
    workload: () =>
      prompts.map(({ prompt }, i) => ({
        at: i * EVERY_MS,
        outputTokens: 50,
        facts: { askedModel: 'assistant', inputTokens: 100, userText: () => [prompt] },
      })),
  };
});

const simulated = (middle: SimulationOptions['scripts'][string]): Simulation =>
  simulate({
    ...options,
    scripts: {
      small: { firstTokenMs: 120 },
      middle,
      top: { firstTokenMs: 600 },
      spare: { firstTokenMs: 300 },
    },
  });

/** Requests that were answered by the model of their tier, of all. */
function inTier(requests: readonly Served[]): number {
  const right = requests.filter(({ target }, i) => TIER_OF[target ?? ''] === prompts[i]?.tier);
  return right.length / requests.length;
}

function saved({ timeline }: Simulation): number {
  return 1 - Number(timeline.costNanoUsd) / Number(TOP_NANO_USD * BigInt(prompts.length));
}

describe('three tiers of cost', () => {
  it('save 75 % and more of the spend, with 95 % of prompts in their tier', () => {
    const run = simulated({ firstTokenMs: 250 });
    const { requests } = run.timeline;
    expect(requests.map(({ outcome }) => outcome)).toEqual(prompts.map(() => 'Served'));
    const inOrder = requests.toSorted((a, b) => a.at - b.at);
    expect(inTier(inOrder)).toBeGreaterThanOrEqual(0.95);
    expect(saved(run)).toBeGreaterThanOrEqual(0.75);
  });

  it('save as much while the middle model is down: its prompts go to the spare one, and none fails', () => {
    const run = simulated({
      firstTokenMs: 250,
      faults: [{ kind: 'Status', status: 503, from: 0, to: 60 * 60_000 }],
    });
    const { requests } = run.timeline;
    expect(requests.map(({ outcome }) => outcome)).toEqual(prompts.map(() => 'Served'));
    expect(requests.some(({ target }) => target === 'middle')).toBe(false);
    expect(saved(run)).toBeGreaterThanOrEqual(0.75);
  });
});
