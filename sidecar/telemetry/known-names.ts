/**
 * The only source of label values that are names: what the running configuration declares. A name that is not in it, be
 * it a caller's, a vendor's, or of a configuration that has been replaced, is `_OTHER`.
 */
import { addressOf } from '../dispatch/address.ts';
import { INTERNAL_RULES } from '../internal/internal-rule.ts';
import type { EffectiveProvider, EffectiveSnapshot } from '../snapshot/effective.ts';
import { mirrorArm, REST } from '../snapshot/experiments/arm-names.ts';
import { indexModels, type ModelIndex } from '../snapshot/models.ts';
import type { ProviderBody, ProviderTypeName } from '../snapshot/schema.ts';
import type { ExperimentBody } from '../snapshot/shapes/experiment.ts';
import type { Instrument } from './instruments.ts';
import { LABELS, type Label } from './labels.ts';
import { OVERFLOW } from './series.ts';

export const OTHER = '_OTHER';

/** `gen_ai.provider.name`; types that are only a wire format go by the provider's own name. */
const VENDORS: Readonly<Record<ProviderTypeName, string | undefined>> = {
  OpenAI: 'openai',
  AzureOpenAI: 'azure.ai.openai',
  Anthropic: 'anthropic',
  Gemini: 'gcp.gemini',
  VertexAI: 'gcp.vertex_ai',
  Bedrock: 'aws.bedrock',
  Cohere: 'cohere',
  Mistral: 'mistral_ai',
  Groq: 'groq',
  Together: 'together_ai',
  Fireworks: 'fireworks_ai',
  DeepSeek: 'deepseek',
  XAI: 'x_ai',
  Perplexity: 'perplexity',
  Cerebras: 'cerebras',
  OpenRouter: 'openrouter',
  NVIDIANIM: 'nvidia_nim',
  HuggingFace: 'hugging_face',
  DeepInfra: 'deepinfra',
  SambaNova: 'sambanova',
  Moonshot: 'moonshot_ai',
  CloudflareWorkersAI: 'cloudflare.workers_ai',
  Databricks: 'databricks',
  Ollama: undefined,
  VLLM: undefined,
  TGI: undefined,
  LMStudio: undefined,
  OpenAICompatible: undefined,
};

export interface KnownProvider {
  /** `namespace/name`. */
  readonly label: string;
  readonly vendor: string;
  /** Host and port that calls go to, without an intermediary. */
  readonly host: string | undefined;
  readonly port: number | undefined;
  /** Declared or catalogued name of a model, or `_OTHER`. */
  model(name: string): string;
}

const UNKNOWN: KnownProvider = {
  label: OTHER,
  vendor: OTHER,
  host: undefined,
  port: undefined,
  model: () => OTHER,
};

export class KnownNames {
  readonly #routes = new Map<string, { rules: Set<string>; patterns: Set<string> }>();
  readonly #providers = new Map<string, KnownProvider>();
  /** Values by what gives them, for the question whether a series still has a right to exist. */
  readonly #values: Record<NonNullable<Label['of']>, Set<string>> = {
    route: new Set(['', OTHER]),
    rule: new Set(['', OTHER]),
    asked: new Set(['', OTHER]),
    provider: new Set([OTHER]),
    vendor: new Set([OTHER]),
    model: new Set(['', OTHER]),
    experiment: new Set([OTHER]),
    arm: new Set([OTHER, REST]),
    limit: new Set([OTHER]),
    budget: new Set([OTHER]),
  };
  /** `provider` and `model` are checked together: a model may have moved from one provider to another. */
  readonly #models = new Set<string>();
  readonly #rules = new Set<string>();
  readonly #patterns = new Set<string>();

  constructor(snapshot: EffectiveSnapshot | undefined) {
    for (const route of snapshot?.routes ?? []) {
      const name = route.id.slice('route/'.length);
      const rules = new Set(route.body?.rules.map((rule) => rule.name));
      if (rules.size > 0) for (const rule of Object.values(INTERNAL_RULES)) rules.add(rule);
      this.#routes.set(name, { rules, patterns: new Set(route.models) });
      this.#values.route.add(name);
      for (const { experiment, rateLimits } of route.body?.rules ?? []) {
        if (experiment) this.#addExperiment(experiment);
        for (const { id } of rateLimits ?? []) this.#values.limit.add(id);
      }
      for (const { id } of route.body?.budgets ?? []) this.#values.budget.add(id);
      for (const rule of rules) this.#rules.add(pair(name, rule));
      for (const pattern of route.models) this.#patterns.add(pair(name, pattern));
    }
    for (const provider of snapshot?.providers.values() ?? []) this.#addProvider(provider);
  }

  route(name: string | undefined): string {
    if (name === undefined) return '';
    return this.#routes.has(name) ? name : OTHER;
  }

  rule(route: string | undefined, name: string | undefined): string {
    if (route === undefined || name === undefined) return '';
    return this.#routes.get(route)?.rules.has(name) ? name : OTHER;
  }

  budget(id: string): string {
    return this.#values.budget.has(id) ? id : OTHER;
  }

  asked(route: string | undefined, pattern: string | undefined): string {
    if (route === undefined || pattern === undefined) return '';
    return this.#routes.get(route)?.patterns.has(pattern) ? pattern : OTHER;
  }

  provider(id: string): KnownProvider {
    return this.#providers.get(id) ?? UNKNOWN;
  }

  /** Whether everything that the labels name still exists. */
  has(instrument: Instrument, values: readonly string[]): boolean {
    let route = '';
    let provider = '';
    for (const [i, label] of instrument.labels.entries()) {
      const value = values[i] as string;
      const of = (LABELS[label] as Label).of;
      if (of === undefined || value === OVERFLOW) continue;
      if (of === 'route') route = value;
      if (of === 'provider' || of === 'vendor') provider = value;
      if (this.#values[of].has(value)) continue;
      if (of === 'rule' && this.#rules.has(pair(route, value))) continue;
      if (of === 'asked' && this.#patterns.has(pair(route, value))) continue;
      if (of === 'model' && this.#models.has(pair(provider, value))) continue;
      return false;
    }
    return true;
  }

  limit(id: string): string {
    return this.#values.limit.has(id) ? id : OTHER;
  }

  /** Whether the running configuration has the experiment and the arm. */
  arm(experiment: string, arm: string): boolean {
    return this.#values.experiment.has(experiment) && this.#values.arm.has(arm);
  }

  #addExperiment({ name, arms, mirror }: ExperimentBody): void {
    this.#values.experiment.add(name);
    for (const arm of arms) this.#values.arm.add(arm.name);
    for (const { target } of mirror) this.#values.arm.add(mirrorArm(target));
  }

  #addProvider(provider: EffectiveProvider): void {
    const label = provider.id.slice('provider/'.length);
    const body = provider.body;
    const vendor = (body && (VENDORS[body.type] ?? body.name)) ?? OTHER;
    this.#values.provider.add(label);
    this.#values.vendor.add(vendor);
    for (const model of body?.models ?? []) {
      this.#models.add(pair(label, model.name));
      this.#models.add(pair(vendor, model.name));
    }
    this.#providers.set(provider.id, { label, vendor, ...placeOf(body), model: namer(body) });
  }
}

const pair = (a: string, b: string): string => `${a}\u0000${b}`;

function placeOf(body: ProviderBody | undefined): Pick<KnownProvider, 'host' | 'port'> {
  if (body === undefined || !URL.canParse(body.url)) return { host: undefined, port: undefined };
  const { host, port } = addressOf(new URL(body.url));
  return { host, port };
}

const REMEMBERED_NAMES = 256;
const LONGEST_NAME = 256;

/** Vendors answer with dated names all the time; what one of them stands for is looked up once. */
function namer(body: ProviderBody | undefined): (name: string) => string {
  let index: ModelIndex | undefined;
  const remembered = new Map<string, string>();
  return (name) => {
    if (name.length > LONGEST_NAME) return OTHER;
    let known = remembered.get(name);
    if (known !== undefined) return known;
    index ??= indexModels({ models: body?.models ?? [] });
    known =
      index.find(name)?.name ?? body?.models.find((model) => model.upstreamName === name)?.name ?? OTHER;
    if (remembered.size >= REMEMBERED_NAMES) remembered.clear();
    remembered.set(name, known);
    return known;
  };
}
