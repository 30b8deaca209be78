import { describe, expect, it } from 'vitest';
import { type LLMRouteSpec, llmRoute } from '../../../crds/llmroute.ts';
import { Filler } from '../../../operator/compile/defaults.ts';
import { effectiveExperiment, stickyMembers } from '../../../operator/compile/experiment.ts';
import { requirementsOf } from '../../../sidecar/snapshot/additions.ts';
import { validateItem } from '../../../sidecar/snapshot/validate.ts';
import { routeItem, rule, target } from '../../sidecar/support/configuration.ts';

type Rule = LLMRouteSpec['rules'][number];
type Experiment = NonNullable<Rule['experiment']>;

const compiled = (experiment: Experiment, affinity?: Rule['affinity']) => {
  const fill = new Filler();
  const filled = effectiveExperiment(experiment, 'spec.rules[0]', fill);
  return { ...stickyMembers({ ...filled, ...(affinity && { affinity }) }), defaulted: fill.defaulted };
};

/** What the judge says of a rule with two targets, the second of weight 0. */
function verdict(experiment: Experiment): string | undefined {
  const members = compiled(experiment).experiment;
  const targets = [target('old'), target('new'), target('shadow', { weight: 0 })];
  const item = routeItem('r', ['m'], [rule(targets, members ? { experiment: members } : {})]);
  const judged = validateItem({ ...item, ...requirementsOf(item) });
  return judged.ok ? undefined : judged.reason;
}

const arms = (...percents: number[]): Experiment['arms'] =>
  percents.map((percent, i) => ({ name: `arm-${i}`, targets: [['old', 'new'][i % 2] ?? 'old'], percent }));

describe('an experiment', () => {
  it('is compiled with what was unset filled in', () => {
    const { experiment, affinity, defaulted } = compiled(
      {
        name: 'trial',
        arms: [{ name: 'next', targets: ['new'] }],
        mirror: [{ target: 'shadow', percent: 10, maxCostPerHour: '0.5' }],
        canary: { arm: 'next', bounds: { costPercent: 110 } },
      },
      { by: 'Header', header: 'X-Tenant', promptCache: { ttl: '1h' } },
    );
    expect(experiment).toEqual({
      name: 'trial',
      stickyBy: { type: 'Conversation' },
      arms: [{ name: 'next', targets: ['new'], percent: 0 }],
      onArmExhausted: 'Stay',
      mirror: [{ target: 'shadow', percent: 10, maxCostPerHour: '500000000' }],
      canary: {
        arm: 'next',
        steps: [1, 5, 25, 50, 100],
        intervalMs: 600_000,
        minRequests: 100,
        bounds: { errorPercent: 5, latencyPercent: 150, costPercent: 110 },
      },
    });
    expect(affinity).toEqual({ by: 'Header', header: 'x-tenant', promptCache: { ttlMs: 3_600_000 } });
    expect(defaulted).toEqual([
      'spec.rules[0].experiment.stickyBy',
      'spec.rules[0].experiment.onArmExhausted',
      'spec.rules[0].experiment.canary.steps',
      'spec.rules[0].experiment.canary.interval',
      'spec.rules[0].experiment.canary.minRequests',
      'spec.rules[0].experiment.canary.bounds.errorPercent',
      'spec.rules[0].experiment.canary.bounds.latencyPercent',
    ]);
  });

  it('asks of a sidecar that it knows them', () => {
    const { experiment, affinity } = compiled({ name: 'trial', arms: arms(100) }, { by: 'PromptPrefix' });
    const item = routeItem(
      'r',
      ['m'],
      [rule([target('old')], { ...(experiment && { experiment }), ...(affinity && { affinity }) })],
    );
    expect(requirementsOf(item).requires).toEqual(['affinity', 'experiment']);
  });

  it.each<[string, Experiment, string | undefined]>([
    ['shares of 100', { name: 't', arms: arms(40, 60) }, undefined],
    ['shares above 100', { name: 't', arms: arms(60, 60) }, 'arms have 120 percent together, more than 100'],
    [
      'a rest with nowhere to go',
      { name: 't', arms: arms(40, 40) },
      'arms have 80 percent together and name every target that takes traffic: the other 20 percent have nowhere to go',
    ],
    [
      'steps that do not rise',
      { name: 't', arms: [{ name: 'n', targets: ['new'] }], canary: { arm: 'n', steps: [5, 5] } },
      'steps is 5; it must be above the step before it',
    ],
    [
      'a canary beside nothing but the rest',
      { name: 't', arms: [{ name: 'n', targets: ['new'] }], canary: { arm: 'n' } },
      undefined,
    ],
  ])('is judged: %s', (_, experiment, problem) => {
    // Each is something that the schema lets through.
    expect(
      llmRoute.spec.safeParse({
        models: ['m'],
        rules: [
          {
            name: 'r',
            targets: ['old', 'new'].map((name) => ({ name, provider: { name: 'p' } })),
            experiment,
          },
        ],
      }).success,
    ).toBe(true);
    expect(verdict(experiment) ?? 'fine').toContain(problem ?? 'fine');
  });
});
