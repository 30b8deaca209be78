/** The signals of a route and what its rules ask of them, as the snapshot says it. */
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import type {
  ClassificationBody,
  IntentsBody,
  MatchSignalsBody,
  SignalsBody,
} from '../../sidecar/snapshot/shapes/signals.ts';
import type { Filler } from './defaults.ts';

type Match = NonNullable<LLMRouteSpec['rules'][number]['matches']>[number];
type Signals = NonNullable<LLMRouteSpec['signals']>;
type Intents = NonNullable<Signals['intents']>;

/** Of the lexical classifier: below them a choice between intents is mostly chance. */
export const LEXICAL = { minScorePercent: 40, marginPercent: 5 };

export type EffectiveIntents = Intents &
  Required<Pick<Intents, 'method' | 'minScorePercent' | 'marginPercent'>>;

/** The route's intents with what was unset filled in. */
export function effectiveSignals(signals: Signals | undefined, fill: Filler): Signals | undefined {
  const intents = signals?.intents;
  if (!signals || !intents) return signals;
  const at = 'spec.signals.intents';
  const filled: EffectiveIntents = {
    ...intents,
    method: fill.in(`${at}.method`, intents.method, 'Lexical' as const),
    minScorePercent: fill.in(`${at}.minScorePercent`, intents.minScorePercent, LEXICAL.minScorePercent),
    marginPercent: fill.in(`${at}.marginPercent`, intents.marginPercent, LEXICAL.marginPercent),
  };
  return { ...signals, intents: filled };
}

/** Members of the route's body. */
export function signalsBody({ signals, classification }: Pick<LLMRouteSpec, 'signals' | 'classification'>): {
  signals?: SignalsBody;
  classification?: ClassificationBody;
} {
  const { header, unset } = classification ?? {};
  return {
    ...(signals?.intents && { signals: { intents: intentsBody(signals.intents as EffectiveIntents) } }),
    ...(header !== undefined && {
      classification: {
        header: header.toLowerCase(),
        ...(unset !== undefined && { unset: unset.toLowerCase() }),
      },
    }),
  };
}

function intentsBody({ method, minScorePercent, marginPercent, list }: EffectiveIntents): IntentsBody {
  return {
    method,
    minScorePercent,
    marginPercent,
    list: list.map(({ name, examples }) => ({ name, examples })),
  };
}

/** What an entry of `matches` asks besides what every release can answer. */
export function matchSignalsBody({ classifications, claims, whenUnknown }: Match): MatchSignalsBody {
  return {
    ...(classifications && { classifications: lowered(classifications) }),
    ...(claims && {
      claims: claims.map(({ header, format, path, type, value, values }) => ({
        header: header.toLowerCase(),
        format: format ?? 'JWT',
        path,
        type: type ?? 'Exact',
        values: values ?? [value ?? ''],
      })),
    }),
    // Skip is how a proxy behaves unless it is told otherwise.
    ...(whenUnknown === 'Match' && { whenUnknown }),
  };
}

/** Labels that differ in case alone are one. */
const lowered = (labels: readonly string[]): string[] => [...new Set(labels.map((one) => one.toLowerCase()))];
