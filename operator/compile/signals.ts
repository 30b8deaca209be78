/** The signals of a route and what its rules ask of them, as the snapshot says it. */
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import type { TargetBody } from '../../sidecar/snapshot/schema.ts';
import type {
  ClassificationBody,
  IntentsBody,
  MatchSignalsBody,
  SignalsBody,
} from '../../sidecar/snapshot/shapes/signals.ts';
import type { Filler } from './defaults.ts';
import {
  classifierBody,
  type EffectiveClassifier,
  type EffectiveEmbeddings,
  effectiveClassifier,
  effectiveEmbeddings,
  embeddingsBody,
  type SignalTargets,
} from './signal-models.ts';

type Match = NonNullable<LLMRouteSpec['rules'][number]['matches']>[number];
type Signals = NonNullable<LLMRouteSpec['signals']>;
type Intents = NonNullable<Signals['intents']>;

/** Of the lexical classifier, whose best of two intents has 50 by chance already. */
const LEXICAL = { minScorePercent: 60, marginPercent: 10 };

/** Of vectors: cosines of prompts that have little in common are seldom above. */
const NEAREST = { minScorePercent: 40, marginPercent: 2 };

type EffectiveIntents = Intents & Required<Pick<Intents, 'method' | 'minScorePercent' | 'marginPercent'>>;

/** The route's intents with what was unset filled in. */
export function effectiveSignals(signals: Signals | undefined, fill: Filler): Signals | undefined {
  if (!signals) return undefined;
  const { intents, classifier } = signals;
  return {
    ...(intents && { intents: effectiveIntents(intents, fill) }),
    ...(classifier && { classifier: effectiveClassifier(classifier, fill) }),
  };
}

function effectiveIntents(intents: Intents, fill: Filler): EffectiveIntents {
  const at = 'spec.signals.intents';
  const { embeddings } = intents;
  const unset = embeddings ? NEAREST : LEXICAL;
  return {
    ...intents,
    ...(embeddings && { embeddings: effectiveEmbeddings(embeddings, fill) }),
    method: fill.in(`${at}.method`, intents.method, 'Lexical' as const),
    minScorePercent: fill.in(`${at}.minScorePercent`, intents.minScorePercent, unset.minScorePercent),
    marginPercent: fill.in(`${at}.marginPercent`, intents.marginPercent, unset.marginPercent),
  };
}

/** What an entry of `matches` leaves unset of claims, and of signals that may be unknown. */
export function effectiveMatchSignals(match: Match, path: string, fill: Filler): Partial<Match> {
  const { claims, prompt } = match;
  const mayBeUnknown = claims ?? prompt?.languages ?? prompt?.intents ?? prompt?.labels;
  return {
    ...(claims && {
      claims: claims.map((claim, i) => ({
        ...claim,
        format: fill.in(`${path}.claims[${i}].format`, claim.format, 'JWT' as const),
        type: fill.in(`${path}.claims[${i}].type`, claim.type, 'Exact' as const),
      })),
    }),
    ...(mayBeUnknown && {
      whenUnknown: fill.in(`${path}.whenUnknown`, match.whenUnknown, 'Skip' as const),
    }),
  };
}

/** Members of the route's body. */
export function signalsBody(
  { signals, classification }: Pick<LLMRouteSpec, 'signals' | 'classification'>,
  targets: SignalTargets,
): {
  signals?: SignalsBody;
  classification?: ClassificationBody;
} {
  const { header, unset } = classification ?? {};
  return {
    ...(signals && { signals: definedSignals(signals, targets) }),
    ...(header !== undefined && {
      classification: {
        header: header.toLowerCase(),
        ...(unset !== undefined && { unset: unset.toLowerCase() }),
      },
    }),
  };
}

function definedSignals({ intents, classifier }: Signals, targets: SignalTargets): SignalsBody {
  return {
    ...(intents && { intents: intentsBody(intents as EffectiveIntents, targets.intents) }),
    ...(classifier &&
      targets.classifier && {
        classifier: classifierBody(classifier as EffectiveClassifier, targets.classifier),
      }),
  };
}

function intentsBody(
  { method, embeddings, minScorePercent, marginPercent, list }: EffectiveIntents,
  target: TargetBody | undefined,
): IntentsBody {
  return {
    method,
    ...(embeddings && target && { embeddings: embeddingsBody(embeddings as EffectiveEmbeddings, target) }),
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
