/**
 * Embeddings of Vertex AI: `predict` for text models and the first Gemini model, `embedContent` for those behind it. Texts
 * that are too long are an error unless the caller lets them be cut: left to itself the vendor cuts them and says nothing.
 */
import { NO_USAGE, type Usage } from '../../accounting/usage.ts';
import type { Losses } from '../canonical/losses.ts';
import type { WireReader } from '../dialect.ts';
import { readErrorBody } from '../gemini/upstream-error.ts';
import { readUsage as readMetadata } from '../gemini/usage.ts';
import { isObject, type Json, tokensOf } from '../json/parsed.ts';
import { readJson } from '../json/tape.ts';
import { array, type JsonText, json, object, optional } from '../json/write.ts';
import type { EmbedVendor } from './embed-format.ts';
import { embedWire, vectorIn } from './embed-wire.ts';
import { lose, onlyOne, withoutPurpose } from './one-text.ts';
import { type Purpose, purposeOf } from './purposes.ts';

const MAX_TEXTS = 250;
/** Of the models of `predict`. */
const ONE_TEXT = 'gemini-embedding-';
const TASKS: Readonly<Record<Purpose, string>> = {
  Document: 'RETRIEVAL_DOCUMENT',
  Query: 'RETRIEVAL_QUERY',
  Classification: 'CLASSIFICATION',
  Clustering: 'CLUSTERING',
};

/** NONE, START and END are Cohere's words. */
function mayCut(truncate: string | undefined, losses: Losses): JsonText {
  if (truncate === 'START') losses.changed('truncate', 'google cuts texts at their end');
  return truncate === undefined || truncate === 'NONE' ? 'false' : 'true';
}

export const VERTEX_PREDICT_VENDOR: EmbedVendor = {
  obstacle({ texts }, { model }) {
    if (model.startsWith(ONE_TEXT)) return onlyOne(texts, 'the model');
    if (texts === undefined) return 'google embeds texts, not token ids';
    if (texts.length === 0) return 'it has nothing to embed';
    return texts.length > MAX_TEXTS
      ? `it has ${texts.length} texts, google embeds ${MAX_TEXTS} at a time`
      : undefined;
  },
  writeRequest(request, { losses }) {
    const { texts = [], dimensions, purpose, truncate } = request;
    const known = purposeOf(purpose);
    if (purpose !== undefined && known === undefined)
      losses.dropped('input_type', 'google knows no such purpose');
    lose(request, 'google', losses);
    const task = known === undefined ? undefined : json(TASKS[known]);
    return Buffer.from(
      object({
        instances: array(texts.map((text) => object({ content: json(text), task_type: task }))),
        parameters: object({
          outputDimensionality: optional(dimensions),
          autoTruncate: mayCut(truncate, losses),
        }),
      }),
    );
  },
  readResponse(body, { encoding }, rawUsage) {
    const vectors: JsonText[] = [];
    for (const prediction of readJson(body).at('predictions')?.elements() ?? []) {
      const values = prediction.at('embeddings')?.at('values');
      if (values) vectors.push(vectorIn(values, encoding));
    }
    return { model: undefined, vectors, usage: readTokenCount(rawUsage) };
  },
};

/** The sum over the texts; undefined where one of them has no count. */
function countedIn({ predictions }: Json): { token_count: number } | undefined {
  if (!Array.isArray(predictions)) return undefined;
  let sum = 0;
  for (const one of predictions as unknown[]) {
    const embeddings = isObject(one) && isObject(one.embeddings) ? one.embeddings : undefined;
    const count = isObject(embeddings?.statistics) ? tokensOf(embeddings.statistics.token_count) : undefined;
    if (count === undefined) return undefined;
    sum += count;
  }
  return { token_count: sum };
}

function readTokenCount(raw: unknown): Usage | undefined {
  const input = isObject(raw) ? tokensOf(raw.token_count) : undefined;
  return input === undefined ? undefined : { ...NO_USAGE, input };
}

export const VERTEX_PREDICT: WireReader = embedWire({
  name: 'vertex-predict',
  complete: ({ predictions }) => Array.isArray(predictions),
  usage: countedIn,
  readUsage: readTokenCount,
  readError: readErrorBody,
});

export const VERTEX_EMBED_VENDOR: EmbedVendor = {
  obstacle: ({ texts }) => onlyOne(texts, 'the model'),
  writeRequest(request, { losses }) {
    const { texts = [], dimensions, truncate } = request;
    withoutPurpose(request, 'the model', losses);
    return Buffer.from(
      object({
        content: object({ parts: array([object({ text: json(texts[0] ?? '') })]) }),
        outputDimensionality: optional(dimensions),
        autoTruncate: mayCut(truncate, losses),
      }),
    );
  },
  readResponse(body, { encoding }, rawUsage) {
    const values = readJson(body).at('embedding')?.at('values');
    return {
      model: undefined,
      vectors: values ? [vectorIn(values, encoding)] : [],
      usage: readMetadata(rawUsage),
    };
  },
};

export const VERTEX_EMBED: WireReader = embedWire({
  name: 'vertex-embed',
  complete: ({ embedding }) => isObject(embedding) && Array.isArray(embedding.values),
  usage: ({ usageMetadata }) => usageMetadata,
  readUsage: readMetadata,
  readError: readErrorBody,
});
