/** Embeddings of Amazon's Titan models: `InvokeModel` of Bedrock, one text at a time. */
import { NO_USAGE, type Usage } from '../../accounting/usage.ts';
import { readErrorBody } from '../bedrock/upstream-error.ts';
import type { WireReader } from '../dialect.ts';
import { isObject, tokensOf } from '../json/parsed.ts';
import { readJson } from '../json/tape.ts';
import { json, object, optional } from '../json/write.ts';
import type { EmbedVendor } from './embed-format.ts';
import { embedWire, vectorIn } from './embed-wire.ts';
import { onlyOne, withoutPurpose } from './one-text.ts';

/** Lengths a model can be asked for, by how its name begins; those of others are fixed. */
const LENGTHS: readonly (readonly [start: string, lengths: readonly number[]])[] = [
  ['amazon.titan-embed-text-v2', [256, 512, 1024]],
  ['amazon.titan-embed-image', [256, 384, 1024]],
];

const lengthsOf = (model: string): readonly number[] =>
  LENGTHS.find(([start]) => model.startsWith(start))?.[1] ?? [];

export const TITAN_EMBED_VENDOR: EmbedVendor = {
  obstacle({ texts, dimensions }, { model }) {
    const lengths = lengthsOf(model);
    if (dimensions !== undefined && lengths.length > 0 && !lengths.includes(dimensions))
      return `the model makes vectors of ${lengths.join(', ')} numbers, ${dimensions} are asked for`;
    return onlyOne(texts, 'titan');
  },
  writeRequest(request, { model, losses }) {
    const { texts = [], dimensions, truncate } = request;
    withoutPurpose(request, 'titan', losses);
    if (truncate !== undefined && truncate !== 'NONE') losses.dropped('truncate', 'titan cuts no text');
    const fixed = dimensions !== undefined && lengthsOf(model).length === 0;
    if (fixed) losses.dropped('dimensions', 'the length of its vectors is fixed');
    const image = model.startsWith('amazon.titan-embed-image');
    const length = fixed ? undefined : optional(dimensions);
    return Buffer.from(
      object({
        inputText: json(texts[0] ?? ''),
        dimensions: image ? undefined : length,
        embeddingConfig:
          image && length !== undefined ? object({ outputEmbeddingLength: length }) : undefined,
      }),
    );
  },
  readResponse(body, { encoding }, rawUsage) {
    const vector = readJson(body).at('embedding');
    return {
      model: undefined,
      vectors: vector ? [vectorIn(vector, encoding)] : [],
      usage: readUsage(rawUsage),
    };
  },
};

function readUsage(raw: unknown): Usage | undefined {
  const input = isObject(raw) ? tokensOf(raw.inputTextTokenCount) : undefined;
  return input === undefined ? undefined : { ...NO_USAGE, input };
}

export const TITAN_EMBED: WireReader = embedWire({
  name: 'titan-embed',
  complete: ({ embedding }) => Array.isArray(embedding),
  usage: ({ inputTextTokenCount }) =>
    inputTextTokenCount === undefined ? undefined : { inputTextTokenCount },
  readUsage,
  readError: readErrorBody,
});
