/**
 * What models can do, by family: the price catalogue does not say. From the vendors' public pages; a family that is not here,
 * or that differs from host to host, is unknown, so nothing is filtered by it. The longest beginning that fits counts.
 */
import type { Capability } from '../../sidecar/snapshot/schema.ts';

export interface ModelFacts {
  readonly capabilities?: readonly Capability[];
  /** Tokens of output at most, reasoning included. */
  readonly maxOutputTokens?: number;
  readonly contextWindow?: number;
}

const CHAT: readonly Capability[] = ['Chat'];
const TOOLS: readonly Capability[] = ['Chat', 'Tools'];
const TOOLS_VISION: readonly Capability[] = ['Chat', 'Tools', 'Vision'];
const TOOLS_JSON: readonly Capability[] = ['Chat', 'Tools', 'JSONSchema'];
const FULL: readonly Capability[] = ['Chat', 'Tools', 'Vision', 'JSONSchema'];
const PROMPTED: readonly Capability[] = ['Completions'];
const RERANK: readonly Capability[] = ['Rerank'];
const EMBED: readonly Capability[] = ['Embeddings'];

type Row = readonly [
  start: string,
  capabilities?: readonly Capability[],
  maxOutputTokens?: number,
  contextWindow?: number,
];

const ROWS: readonly Row[] = [
  // OpenAI
  ['gpt-5', FULL, 128_000],
  ['gpt-5-chat'],
  ['gpt-5-codex'],
  ['gpt-5-image'],
  ['gpt-5-pro'],
  ['gpt-5.4-image'],
  ['gpt-4.1', FULL, 32_768],
  ['gpt-4o', FULL, 16_384],
  ['gpt-4o-2024-05-13', TOOLS_VISION, 4_096],
  ['gpt-4o-audio', TOOLS, 16_384],
  ['gpt-4o-mini-audio', TOOLS, 16_384],
  ['gpt-4o-realtime'],
  ['gpt-4o-mini-realtime'],
  ['gpt-4o-search', ['Chat', 'JSONSchema'], 16_384],
  ['gpt-4o-mini-search', ['Chat', 'JSONSchema'], 16_384],
  ['gpt-4o-transcribe'],
  ['gpt-4o-mini-transcribe'],
  ['gpt-4o-mini-tts'],
  ['gpt-4-turbo', TOOLS_VISION, 4_096],
  ['gpt-4-vision', ['Chat', 'Vision'], 4_096],
  ['gpt-4', TOOLS, 8_192],
  ['gpt-3.5-turbo', TOOLS, 4_096],
  ['gpt-3.5-turbo-instruct', PROMPTED, 4_096],
  ['o1', FULL, 100_000],
  ['o1-mini', CHAT, 65_536],
  ['o1-preview', CHAT, 32_768],
  ['o1-pro'],
  ['o3', FULL, 100_000],
  ['o3-mini', TOOLS_JSON, 100_000],
  ['o3-pro'],
  ['o3-deep-research'],
  ['o4-mini', FULL, 100_000],
  ['o4-mini-deep-research'],
  ['text-embedding-', EMBED],
  // Anthropic
  ['claude-3-haiku', TOOLS_VISION, 4_096, 200_000],
  ['claude-3-opus', TOOLS_VISION, 4_096, 200_000],
  ['claude-3-sonnet', TOOLS_VISION, 4_096, 200_000],
  ['claude-3-5-', TOOLS_VISION, 8_192, 200_000],
  ['claude-3-7-', TOOLS_VISION, 64_000, 200_000],
  ['claude-sonnet-4', TOOLS_VISION, 64_000],
  ['claude-4-sonnet', TOOLS_VISION, 64_000],
  ['claude-sonnet-4-5', FULL, 64_000],
  ['claude-sonnet-4-6', FULL, 64_000],
  ['claude-haiku-4-5', FULL, 64_000],
  ['claude-opus-4', TOOLS_VISION, 32_000],
  ['claude-4-opus', TOOLS_VISION, 32_000],
  ['claude-opus-4-1', FULL, 32_000],
  ['claude-opus-4-5', FULL, 64_000],
  ['claude-opus-4-6', FULL, 128_000],
  ['claude-opus-4-7', FULL, 128_000],
  ['claude-opus-4-8', FULL, 128_000],
  ['claude-sonnet-5', FULL, 128_000],
  ['claude-opus-5', FULL, 128_000],
  ['claude-haiku-5', FULL, 128_000],
  ['claude-fable-5', FULL, 128_000],
  // Google
  ['gemini-1.5-', FULL, 8_192],
  ['gemini-2.0-flash', FULL, 8_192, 1_048_576],
  ['gemini-2.5-', FULL, 65_536, 1_048_576],
  ['gemini-2.5-flash-image'],
  ['gemini-2.5-flash-tts'],
  ['gemini-2.5-flash-lite-preview-tts'],
  ['gemini-2.5-flash-preview-tts'],
  ['gemini-2.5-pro-tts'],
  ['gemini-2.5-pro-preview-tts'],
  ['gemini-3-flash', FULL, 65_536, 1_048_576],
  ['gemini-3-pro-preview', FULL, 65_536, 1_048_576],
  ['gemini-3.1-pro', FULL, 65_536, 1_048_576],
  ['gemini-3.1-flash-lite', FULL, 65_536, 1_048_576],
  ['gemini-3.1-flash-lite-image'],
  ['gemini-3.5-flash', FULL, 65_536, 1_048_576],
  ['gemini-embedding-', EMBED],
  // Mistral
  ['mistral-large', TOOLS_JSON, undefined, 128_000],
  ['mistral-medium', TOOLS_JSON, undefined, 128_000],
  ['mistral-medium-2312', CHAT, undefined, 32_000],
  ['mistral-small', TOOLS_JSON],
  ['mistral-large-3', FULL],
  ['mistral-large-2512', FULL],
  ['mistral-medium-3', FULL, undefined, 128_000],
  ['mistral-medium-latest', FULL, undefined, 128_000],
  ['mistral-small-latest', FULL, undefined, 128_000],
  ['mistral-small-2603', FULL],
  ['mistral-small-3.1', FULL, undefined, 128_000],
  ['mistral-small-3.2', FULL, undefined, 128_000],
  ['mistral-nemo', TOOLS_JSON, undefined, 128_000],
  ['ministral-3b', TOOLS_JSON, undefined, 128_000],
  ['ministral-8b', TOOLS_JSON, undefined, 128_000],
  ['ministral-3b-2512', FULL],
  ['ministral-8b-2512', FULL],
  ['ministral-14b', FULL],
  ['codestral', TOOLS_JSON],
  ['devstral', TOOLS_JSON, undefined, 128_000],
  ['pixtral', FULL, undefined, 128_000],
  ['mistral-embed', EMBED],
  ['mistral-ocr'],
  // Cohere
  ['command-a', TOOLS_JSON, 8_000, 256_000],
  ['command-a-vision', ['Chat', 'Vision', 'JSONSchema'], 8_000, 128_000],
  ['command-r', TOOLS_JSON, 4_000, 128_000],
  ['command-light', CHAT, 4_000],
  ['embed-', EMBED],
  ['rerank-', RERANK],
  // DeepSeek: JSON documents without a schema
  ['deepseek-chat', TOOLS, 8_192],
  ['deepseek-reasoner', TOOLS, 64_000],
  // xAI
  ['grok-2-1212', TOOLS_JSON],
  ['grok-2-vision', FULL],
  ['grok-3', TOOLS_JSON],
  ['grok-4', FULL],
  ['grok-code-fast', TOOLS_JSON],
  // Perplexity
  ['sonar', ['Chat', 'Vision', 'JSONSchema'], undefined, 128_000],
  ['sonar-pro', ['Chat', 'Vision', 'JSONSchema'], 8_000, 200_000],
  ['sonar-deep-research', ['Chat', 'JSONSchema'], undefined, 128_000],
  // Amazon
  ['nova-micro', TOOLS],
  ['nova-lite', TOOLS_VISION],
  ['nova-pro', TOOLS_VISION],
  ['nova-premier', TOOLS_VISION],
  ['titan-embed', EMBED],
  ['titan-text', CHAT],
];

const FACTS: readonly (readonly [string, ModelFacts])[] = [...ROWS]
  .sort(([a], [b]) => b.length - a.length)
  .map(([start, capabilities, maxOutputTokens, contextWindow]) => [
    start,
    {
      ...(capabilities && { capabilities }),
      ...(maxOutputTokens !== undefined && { maxOutputTokens }),
      ...(contextWindow !== undefined && { contextWindow }),
    },
  ]);

const NOTHING: ModelFacts = {};
/** Where a reseller says whose model it is, and how it is routed. */
const ROUTES =
  /^(?:(?:us|us-gov|eu|apac|jp|au|ca|global|regional)\.)?(?:amazon|anthropic|cohere|mistral)\.|^ft:/;

/**
 * Resellers write the versions of Claude with a point.
 *
 * @param name the vendor's or a reseller's name of a model, such as `eu.anthropic.claude-opus-4-6-v1:0`
 */
export function factsOf(name: string): ModelFacts {
  const model = name
    .slice(name.lastIndexOf('/') + 1)
    .toLowerCase()
    .replace(ROUTES, '')
    .replace(/^(claude-(?:[a-z]+-)?\d)\./, '$1-');
  return FACTS.find(([start]) => model.startsWith(start))?.[1] ?? NOTHING;
}
