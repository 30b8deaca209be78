/** What this pod remembers between requests, for ranking. Outlives configurations; what is in it bounds itself. */
import { RoundRobinState } from './strategies/round-robin.ts';

export interface RoutingState {
  readonly roundRobin: RoundRobinState;
}

export function routingState(): RoutingState {
  return { roundRobin: new RoundRobinState() };
}

/** The same to read, for a question that must change nothing: turns are taken elsewhere. */
export function withoutTurns(state: RoutingState): RoutingState {
  return { ...state, roundRobin: new RoundRobinState() };
}
