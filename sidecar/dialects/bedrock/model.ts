/** What a model behind the Converse API takes, by its id: the API passes much of a request on to the model as it is. */
import { type ModelTraits, traitsOf } from '../anthropic/vendor/model-traits.ts';
import type { Quirks } from '../chat-format.ts';

export interface BedrockModel {
  readonly family: 'Claude' | 'Nova' | 'GptOss' | 'Mistral' | 'Other';
  /** Of Claude. */
  readonly traits: ModelTraits;
  /** `outputConfig.textFormat` and strict tools. */
  readonly structured: boolean;
  /** `cachePoint` blocks. */
  readonly caches: boolean;
  /** Nova 2 and later think. */
  readonly thinks: boolean;
}

/** Models of others that hold their output to a schema. */
const STRUCTURED =
  /qwen|deepseek|mistral|ministral|magistral|gemma|nemotron|minimax|moonshot|kimi|gpt-oss|zai|glm/;

/** Ids of models, inference profiles and ARNs of either: `eu.anthropic.claude-sonnet-4-5-20250929-v1:0`. */
export function modelOf(id: string, quirks: Quirks): BedrockModel {
  const name = id.toLowerCase();
  const family = name.includes('claude')
    ? 'Claude'
    : name.includes('nova')
      ? 'Nova'
      : name.includes('gpt-oss')
        ? 'GptOss'
        : name.includes('mistral')
          ? 'Mistral'
          : 'Other';
  const traits = traitsOf(id, quirks);
  return {
    family,
    traits,
    structured: family === 'Claude' ? traits.structured : STRUCTURED.test(name),
    caches: family === 'Claude' || family === 'Nova',
    thinks: family === 'Nova' && /nova-(2|premier-2)/.test(name),
  };
}
