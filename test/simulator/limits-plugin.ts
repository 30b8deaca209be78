/** Limits in a simulation, as dispatch asks them: taken in the turn in which an attempt starts, given back as it ends. */
import { LearnedUsage } from '../../sidecar/accounting/learned-usage.ts';
import { Limits } from '../../sidecar/limits/limits.ts';
import type { Permit } from '../../sidecar/limits/permit.ts';
import { type RoutingState, routingState } from '../../sidecar/routing/state.ts';
import type { ProviderBody } from '../../sidecar/snapshot/schema.ts';
import type { Plugin, Simulator } from './simulator.ts';

export interface SimulatedLimits {
  readonly limits: Limits;
  readonly plugin: Plugin;
  readonly state: RoutingState;
}

export function simulatedLimits(providers: readonly ProviderBody[]): SimulatedLimits {
  let simulator: Simulator | undefined;
  let taken: Permit | undefined;
  const now = (): number => simulator?.clock.monotonic() ?? 0;
  const limits = new Limits({ now, wall: now, estimates: new LearnedUsage() });
  limits.apply({
    providers: new Map(
      providers.map((body) => {
        const id = `provider/${body.namespace}/${body.name}`;
        return [id, { id, generation: 1, body, reason: undefined }];
      }),
    ),
  });
  const plugin: Plugin = {
    begin: (begun) => (simulator = begun),
    admit: (run, candidate) => {
      const room = limits.take(candidate, run.exchange, now());
      taken = typeof room === 'string' ? undefined : room;
      return room !== 'Refused';
    },
    observer: {
      started: (attempt) => {
        if (taken) attempt.permit = taken;
        taken = undefined;
      },
      committed: (attempt, exchange) => limits.committed(attempt, exchange),
      ended: (attempt) => limits.ended(attempt),
    },
    exchangeObserver: limits,
  };
  return { limits, plugin, state: routingState(limits) };
}
