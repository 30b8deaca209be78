/** Embeddings of Bedrock as the scripted provider speaks them: `InvokeModel` with the bodies of the models' makers. */
import { EMBEDDING_LENGTH, embeddingOf } from './embedding.ts';
import type { Json } from './json.ts';

const TITAN = new Set(['inputText', 'dimensions', 'normalize', 'embeddingTypes']);
const COHERE = new Set(['texts', 'input_type', 'truncate', 'embedding_types', 'output_dimension']);
const MAX_TEXTS = 96;

export interface Invoked {
  body: Json;
  inputTokens: number;
}

const tokensIn = (text: string): number => Math.ceil(text.length / 4);

/** The answer, or why there is none. */
export function invoke(model: string, request: Json): Invoked | string {
  const titan = model.startsWith('amazon.titan-embed-');
  const extra = Object.keys(request).find((name) => !(titan ? TITAN : COHERE).has(name));
  if (extra !== undefined) return `Malformed input request: extraneous key [${extra}] is not permitted`;
  return titan ? invokeTitan(model, request) : invokeCohere(request);
}

function invokeTitan(model: string, { inputText, dimensions = 1024 }: Json): Invoked | string {
  if (typeof inputText !== 'string' || inputText === '')
    return 'Malformed input request: #/inputText: expected minLength: 1';
  const lengths = model.includes('-v2') ? [256, 512, 1024] : [1024];
  if (!lengths.includes(dimensions as number))
    return 'Malformed input request: #/dimensions: not a valid enum';
  const embedding = Array.from(embeddingOf(inputText, dimensions as number));
  const inputTextTokenCount = tokensIn(inputText);
  return { body: { embedding, inputTextTokenCount }, inputTokens: inputTextTokenCount };
}

function invokeCohere(request: Json): Invoked | string {
  const { texts, input_type: kind, embedding_types: types, output_dimension: length } = request;
  if (typeof kind !== 'string') return 'Malformed input request: required key [input_type] not found';
  if (!Array.isArray(texts) || texts.length === 0 || texts.length > MAX_TEXTS)
    return `Malformed input request: #/texts: expected 1 to ${MAX_TEXTS}`;
  if (Array.isArray(types) && types.some((type) => type !== 'float')) return 'unsupported embedding type';
  const float = (texts as string[]).map((text) =>
    Array.from(embeddingOf(text, (length as number | undefined) ?? EMBEDDING_LENGTH)),
  );
  const embeddings = types === undefined ? float : { float };
  const type = types === undefined ? 'embeddings_floats' : 'embeddings_by_type';
  return {
    body: { id: 'scripted', texts, embeddings, response_type: type },
    inputTokens: tokensIn((texts as string[]).join('')),
  };
}
