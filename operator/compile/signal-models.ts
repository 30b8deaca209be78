/** The models that a route's signals ask: what was unset filled in, and whom the references mean. */
import type { LLMRouteSpec } from '../../crds/llmroute.ts';
import type { TargetBody } from '../../sidecar/snapshot/schema.ts';
import type {
  AskedModelBody,
  ClassifierBody,
  EmbeddingsBody,
} from '../../sidecar/snapshot/shapes/signals.ts';
import type { Filler } from './defaults.ts';
import { milliseconds } from './durations.ts';
import type { EffectiveRouteSpec } from './effective-route.ts';
import { CAPABILITY_MISSING } from './reasons.ts';
import { compileTarget, type TargetContext } from './target.ts';

type Signals = NonNullable<LLMRouteSpec['signals']>;
type Embeddings = NonNullable<NonNullable<Signals['intents']>['embeddings']>;
type Classifier = NonNullable<Signals['classifier']>;
type Asked = Embeddings | Classifier;
type Limits = 'timeout' | 'maxInputTokens' | 'cacheTTL';
export type EffectiveEmbeddings = Embeddings & Required<Pick<Embeddings, Limits>>;
export type EffectiveClassifier = Classifier & Required<Pick<Classifier, Limits | 'maxOutputTokens'>>;

const EMBEDDINGS = { timeout: '500ms', maxInputTokens: 512, cacheTTL: '10m' };
const CLASSIFIER = { timeout: '2s', maxInputTokens: 1000, cacheTTL: '10m', maxOutputTokens: 64 };

/** Targets of the signals that ask a model. */
export interface SignalTargets {
  intents?: TargetBody;
  classifier?: TargetBody;
}

export function effectiveEmbeddings(embeddings: Embeddings, fill: Filler): EffectiveEmbeddings {
  return { ...embeddings, ...limits('spec.signals.intents.embeddings', embeddings, EMBEDDINGS, fill) };
}

export function effectiveClassifier(classifier: Classifier, fill: Filler): EffectiveClassifier {
  const at = 'spec.signals.classifier';
  const { maxOutputTokens } = classifier;
  return {
    ...classifier,
    ...limits(at, classifier, CLASSIFIER, fill),
    maxOutputTokens: fill.in(`${at}.maxOutputTokens`, maxOutputTokens, CLASSIFIER.maxOutputTokens),
  };
}

function limits(at: string, asked: Asked, unset: Required<Pick<Asked, Limits>>, fill: Filler) {
  return {
    timeout: fill.in(`${at}.timeout`, asked.timeout, unset.timeout),
    maxInputTokens: fill.in(`${at}.maxInputTokens`, asked.maxInputTokens, unset.maxInputTokens),
    cacheTTL: fill.in(`${at}.cacheTTL`, asked.cacheTTL, unset.cacheTTL),
  };
}

/** What the route uses and what is wrong with it is noted as for targets of rules. */
export function signalTargets(spec: EffectiveRouteSpec, context: Omit<TargetContext, 'path'>): SignalTargets {
  const { intents, classifier } = spec.signals ?? {};
  const made: SignalTargets = {};
  if (intents?.embeddings) {
    const path = 'spec.signals.intents.embeddings';
    made.intents = askedTarget('intents', intents.embeddings, spec, { ...context, path });
    requireCapability('Embeddings', made.intents, { ...context, path });
  }
  if (classifier) {
    const path = 'spec.signals.classifier';
    made.classifier = askedTarget('classifier', classifier, spec, { ...context, path });
    requireCapability('Chat', made.classifier, { ...context, path });
  }
  return made;
}

export function askedTarget(
  name: string,
  { provider, model, credential, request }: Pick<Asked, 'provider' | 'model' | 'credential' | 'request'>,
  spec: EffectiveRouteSpec,
  context: TargetContext,
): TargetBody {
  const target = {
    name,
    provider,
    model,
    ...(credential === undefined ? {} : { credential }),
    ...(request === undefined ? {} : { request }),
    weight: 1,
    priority: 0,
  };
  return compileTarget(target, undefined, spec, context);
}

export function requireCapability(
  needed: 'Chat' | 'Embeddings',
  { provider, model = '' }: TargetBody,
  { providers, route, path }: TargetContext,
): void {
  const capabilities = providers.get(provider)?.models?.find(model)?.capabilities;
  if (!capabilities || capabilities.includes(needed)) return;
  const where = provider.slice(provider.indexOf('/') + 1);
  route.problems.push({
    condition: 'ResolvedRefs',
    reason: CAPABILITY_MISSING,
    message: `${path}.model: "${model}" of provider ${where} has not the capability ${needed}`,
  });
}

export function embeddingsBody(embeddings: EffectiveEmbeddings, target: TargetBody): EmbeddingsBody {
  const { dimensions } = embeddings;
  return { ...askedBody(embeddings, target), ...(dimensions !== undefined && { dimensions }) };
}

export function classifierBody(classifier: EffectiveClassifier, target: TargetBody): ClassifierBody {
  const { maxOutputTokens, labels } = classifier;
  return {
    ...askedBody(classifier, target),
    maxOutputTokens,
    labels: labels.map(({ name, description }) => ({ name, description })),
  };
}

const askedBody = (
  { timeout, maxInputTokens, cacheTTL }: Required<Pick<Asked, Limits>>,
  target: TargetBody,
): AskedModelBody => ({
  target,
  timeoutMs: milliseconds(timeout),
  maxInputTokens,
  cacheMs: milliseconds(cacheTTL),
});
