/** The stage between route and match: models are asked for what rules need to know, and only then. */
import type { Exchange } from '../exchange.ts';
import { askedSignals } from '../routing/asked-signals.ts';
import type { RequestFacts } from '../routing/plan.ts';
import type { TableRoute } from '../routing/table.ts';
import { unknown } from './reading.ts';
import { type AskedSignal, type Gathered, signalsOf } from './signals.ts';

const FAILED = unknown('asking failed');

/** Asks models on behalf of a request. Every external call is an internal request with its own row and deadline. */
export interface SignalModels {
  /** Never rejects: what could not be had is unknown, with the reason. */
  gather(exchange: Exchange, route: TableRoute, asked: readonly AskedSignal[]): Promise<Gathered>;
  /** The same on nobody's behalf, for an explanation. */
  read(route: TableRoute, facts: RequestFacts, asked: readonly AskedSignal[]): Promise<Gathered>;
  /** What is remembered of the same text, without asking anybody. */
  peek(route: TableRoute, facts: RequestFacts, asked: readonly AskedSignal[]): Promise<Gathered>;
}

/** Undefined: there is nothing to wait for, and rules can be matched in the same turn. */
export function gatherSignals(
  exchange: Exchange,
  route: TableRoute,
  facts: RequestFacts,
  models: Pick<SignalModels, 'gather'> | undefined,
): Promise<void> | undefined {
  if (!route.asks) return undefined;
  const asked = askedSignals(route, facts);
  if (asked.length === 0 || !models) return undefined;
  const signals = signalsOf(facts, route.signals);
  return models.gather(exchange, route, asked).then(
    (gathered) => void (signals.gathered = gathered),
    () => void (signals.gathered = { intent: FAILED, label: FAILED }),
  );
}

/** For an explanation: what models said of the same text lately; `live`: what they say now. */
export async function recallSignals(
  route: TableRoute,
  facts: RequestFacts,
  models: SignalModels,
  live: boolean,
): Promise<void> {
  const asked = askedSignals(route, facts);
  if (asked.length === 0) return;
  const signals = signalsOf(facts, route.signals);
  signals.gathered = await (live ? models.read(route, facts, asked) : models.peek(route, facts, asked));
}
