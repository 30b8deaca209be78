/**
 * The kinds of vendors, and what the operator compiles by: where each is by default, whether its streams carry usage, which
 * names of models it takes. How each is called is the business of `providers/`.
 */

import type { PricedTier } from './schema.ts';

export const PROVIDER_TYPE_NAMES = [
  'OpenAI',
  'AzureOpenAI',
  'Anthropic',
  'Gemini',
  'VertexAI',
  'Bedrock',
  'Cohere',
  'Mistral',
  'Groq',
  'Together',
  'Fireworks',
  'DeepSeek',
  'XAI',
  'Perplexity',
  'Cerebras',
  'OpenRouter',
  'NVIDIANIM',
  'HuggingFace',
  'DeepInfra',
  'SambaNova',
  'Moonshot',
  'CloudflareWorkersAI',
  'Databricks',
  'Ollama',
  'VLLM',
  'TGI',
  'LMStudio',
  'OpenAICompatible',
] as const;
export type ProviderTypeName = (typeof PROVIDER_TYPE_NAMES)[number];

export interface TypeDefaults {
  /** Base URL; `{region}` and `{location}` are parameters of the provider. Unset: only the resource can say. */
  readonly url?: string;
  /** When streams carry usage. Always: unasked. OnRequest: where `stream_options` asks. Never: not at all. */
  readonly streamUsage: 'Always' | 'OnRequest' | 'Never';
  /**
   * Names of models are given by whoever deploys them, or change faster than any catalogue: without a list of models any name
   * may be asked for. Otherwise those of the catalogue.
   */
  readonly openModels?: true;
  /** Whose identities it takes, besides keys. */
  readonly cloud?: 'AWS' | 'Google' | 'Azure';
  /**
   * Tiers of service that cost one share of the standard prices, for all models, as the vendor publishes it. What is not here
   * differs from model to model, or is not published: its price is unknown unless a resource says it.
   */
  readonly discounts?: Partial<Record<PricedTier, Discount>>;
}

/** A ratio of integers to the standard price. */
export interface Discount {
  readonly times: number;
  readonly over: number;
  /** It is not published what becomes of the discount for reading the cache: with such tokens the cost is unknown. */
  readonly uncachedOnly?: true;
}

const HALF: Discount = { times: 1, over: 2 };
const HALF_UNCACHED: Discount = { ...HALF, uncachedOnly: true };
const SAME: Discount = { times: 1, over: 1 };

export const TYPE_DEFAULTS: Readonly<Record<ProviderTypeName, TypeDefaults>> = {
  OpenAI: {
    url: 'https://api.openai.com/v1',
    streamUsage: 'OnRequest',
    discounts: { Flex: HALF, Batch: HALF },
  },
  AzureOpenAI: { streamUsage: 'OnRequest', openModels: true, cloud: 'Azure', discounts: { Batch: HALF } },
  Anthropic: {
    url: 'https://api.anthropic.com/v1',
    streamUsage: 'Always',
    discounts: { Batch: HALF },
  },
  Gemini: {
    url: 'https://generativelanguage.googleapis.com/v1beta',
    streamUsage: 'Always',
    discounts: { Flex: HALF_UNCACHED, Batch: HALF_UNCACHED },
  },
  VertexAI: {
    url: 'https://{location}-aiplatform.googleapis.com/v1',
    streamUsage: 'Always',
    cloud: 'Google',
    discounts: { Flex: HALF_UNCACHED, Batch: HALF_UNCACHED },
  },
  Bedrock: {
    url: 'https://bedrock-runtime.{region}.amazonaws.com',
    streamUsage: 'Always',
    openModels: true,
    cloud: 'AWS',
    discounts: { Batch: HALF_UNCACHED },
  },
  Cohere: { url: 'https://api.cohere.com/v2', streamUsage: 'Always' },
  Mistral: { url: 'https://api.mistral.ai/v1', streamUsage: 'Always' },
  Groq: {
    url: 'https://api.groq.com/openai/v1',
    streamUsage: 'OnRequest',
    // More requests at once, and some refused, at the price of the standard tier.
    discounts: { Flex: SAME },
  },
  Together: { url: 'https://api.together.xyz/v1', streamUsage: 'OnRequest', openModels: true },
  Fireworks: { url: 'https://api.fireworks.ai/inference/v1', streamUsage: 'Always', openModels: true },
  DeepSeek: { url: 'https://api.deepseek.com/v1', streamUsage: 'OnRequest' },
  XAI: { url: 'https://api.x.ai/v1', streamUsage: 'Always' },
  Perplexity: { url: 'https://api.perplexity.ai', streamUsage: 'Always' },
  Cerebras: { url: 'https://api.cerebras.ai/v1', streamUsage: 'Always' },
  OpenRouter: { url: 'https://openrouter.ai/api/v1', streamUsage: 'Always', openModels: true },
  NVIDIANIM: { url: 'https://integrate.api.nvidia.com/v1', streamUsage: 'OnRequest', openModels: true },
  HuggingFace: { url: 'https://router.huggingface.co/v1', streamUsage: 'OnRequest', openModels: true },
  DeepInfra: { url: 'https://api.deepinfra.com/v1/openai', streamUsage: 'OnRequest', openModels: true },
  SambaNova: { url: 'https://api.sambanova.ai/v1', streamUsage: 'OnRequest', openModels: true },
  Moonshot: { url: 'https://api.moonshot.ai/v1', streamUsage: 'OnRequest' },
  CloudflareWorkersAI: { streamUsage: 'Always', openModels: true },
  Databricks: { streamUsage: 'OnRequest', openModels: true },
  Ollama: { streamUsage: 'OnRequest', openModels: true },
  VLLM: { streamUsage: 'OnRequest', openModels: true },
  TGI: { streamUsage: 'OnRequest', openModels: true },
  LMStudio: { streamUsage: 'OnRequest', openModels: true },
  OpenAICompatible: { streamUsage: 'OnRequest', openModels: true },
};

/** What some vendors want to know besides a URL. */
export interface ProviderParameters {
  /** AzureOpenAI: `v1`, or the date of a version of the older API. */
  apiVersion?: string;
  /** VertexAI. */
  project?: string;
  location?: string;
  /** Bedrock. */
  region?: string;
}
