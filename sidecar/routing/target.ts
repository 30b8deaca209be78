/** One target of a rule, made ready once: its provider, its credentials, and what never changes between requests. */
import type { EffectiveProvider } from '../snapshot/effective.ts';
import { type ModelIndex, upstreamName } from '../snapshot/models.ts';
import type { CredentialBody, ModelBody, ProviderBody, TargetBody } from '../snapshot/schema.ts';
import type { Candidate, Reason, RequestFacts } from './plan.ts';

export interface TableTarget {
  readonly body: TargetBody;
  /** Position in the rule's list of targets. */
  readonly index: number;
  readonly provider: ProviderBody | undefined;
  /** Set where no request can use the target. */
  readonly refused: Fallen | undefined;
  /** Said of the target when it stays. */
  readonly share: string;
  /** Credentials to choose from, those of weight 0 left out; one `undefined` on an open server. */
  readonly pool: readonly (CredentialBody | undefined)[];
  readonly poolWeight: number;
  /** Candidates by credential of the pool, where the rule names the model; else they depend on the request. */
  readonly fixed: readonly Candidate[] | undefined;
  readonly models: ModelIndex | undefined;
}

/** A target that cannot be tried, and the sentence that says why. */
export interface Fallen {
  readonly reason: Reason;
  readonly detail: string;
}

export function prepareTarget(
  body: TargetBody,
  index: number,
  source: EffectiveProvider | undefined,
  models: ModelIndex | undefined,
  weights: ReadonlyMap<number, number>,
): TableTarget {
  const provider = source?.body;
  const pool = provider ? poolOf(body, provider) : [];
  const of = weights.get(body.priority) ?? body.weight;
  const target: TableTarget = {
    body,
    index,
    provider,
    refused: refusal(body, source, models, pool),
    share: `priority ${body.priority}, weight ${body.weight} of ${of}`,
    pool,
    poolWeight: pool.reduce((sum, credential) => sum + (credential?.weight ?? 0), 0),
    fixed: undefined,
    models,
  };
  const { model } = body;
  if (!provider || model === undefined) return target;
  return { ...target, fixed: pool.map((credential) => candidateOf(target, provider, credential, model)) };
}

function poolOf(target: TargetBody, provider: ProviderBody): (CredentialBody | undefined)[] {
  if (provider.credentials.length === 0 && target.credential === undefined) return [undefined];
  const granted = provider.credentials.filter(({ name }) => target.credentials?.includes(name) ?? true);
  // A credential asked for by name is used whatever its share of the pool.
  if (target.credential !== undefined) return granted.filter(({ name }) => name === target.credential);
  return granted.filter(({ weight }) => weight > 0);
}

function refusal(
  target: TargetBody,
  source: EffectiveProvider | undefined,
  models: ModelIndex | undefined,
  pool: readonly unknown[],
): Fallen | undefined {
  if (target.unresolved !== undefined) return { reason: 'ProviderMissing', detail: target.unresolved };
  const name = target.provider.slice(target.provider.indexOf('/') + 1);
  if (!source) return { reason: 'ProviderMissing', detail: `provider ${name} is not there` };
  const { body } = source;
  if (!body)
    return {
      reason: 'ProviderInvalid',
      detail: `provider ${name} has no valid version here: ${source.reason ?? ''}`,
    };
  if (target.model !== undefined && !body.openModels && !models?.find(target.model))
    return { reason: 'ModelNotServed', detail: `provider ${name} does not serve model "${target.model}"` };
  if (pool.length > 0) return undefined;
  return {
    reason: 'CredentialMissing',
    detail:
      target.credential === undefined
        ? `provider ${name} has no credential that this route may use`
        : `provider ${name} has no credential "${target.credential}" that this route may use`,
  };
}

function candidateOf(
  { body, index, models }: TableTarget,
  provider: ProviderBody,
  credential: CredentialBody | undefined,
  name: string,
): Candidate {
  const model = models?.find(name);
  return {
    index,
    target: body,
    providerId: body.provider,
    provider,
    credential,
    upstreamModel: upstreamName(model, name),
    model,
  };
}

/** The model is named in a body that is not read, so it stays as it is. */
const keepsModel = ({ unread, modelInPath }: RequestFacts): boolean =>
  unread === true && modelInPath !== true;

/** Name the target would ask for: its own, or the asked one; an unread body keeps the one that is in it. */
export function modelName(target: TableTarget, facts: RequestFacts): string {
  const { model } = target.body;
  return keepsModel(facts) || model === undefined ? (facts.askedModel ?? '') : model;
}

/** What is known of the model the target would ask for. */
export function modelFacts(target: TableTarget, facts: RequestFacts): ModelBody | undefined {
  if (target.fixed && !keepsModel(facts)) return target.fixed[0]?.model;
  return target.models?.find(modelName(target, facts));
}

/** The candidate with one credential of the pool. Only for targets that are not refused. */
export function candidate(target: TableTarget, facts: RequestFacts, poolIndex: number): Candidate {
  const fixed = keepsModel(facts) ? undefined : target.fixed?.[poolIndex];
  if (fixed) return fixed;
  return candidateOf(
    target,
    target.provider as ProviderBody,
    target.pool[poolIndex],
    modelName(target, facts),
  );
}
