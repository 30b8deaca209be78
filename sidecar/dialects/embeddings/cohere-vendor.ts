/** Embeddings of Cohere: `POST /v2/embed` of its own API, and its models on Bedrock. */

import { readErrorBody as readAwsError } from '../bedrock/upstream-error.ts';
import { readUsage as readAwsUsage } from '../bedrock/usage.ts';
import { readErrorBody } from '../cohere/upstream-error.ts';
import { readUsage } from '../cohere/usage.ts';
import type { WireReader } from '../dialect.ts';
import type { Json } from '../json/parsed.ts';
import { readJson } from '../json/tape.ts';
import { array, type JsonText, json, object, optional } from '../json/write.ts';
import type { EmbedContext, EmbedRequest, EmbedResponse, EmbedVendor } from './embed-format.ts';
import { embedWire, vectorIn } from './embed-wire.ts';
import { type Purpose, purposeOf } from './purposes.ts';

const MAX_TEXTS = 96;
const PURPOSES: Readonly<Record<Purpose, string>> = {
  Document: 'search_document',
  Query: 'search_query',
  Classification: 'classification',
  Clustering: 'clustering',
};

function obstacle({ texts }: EmbedRequest): string | undefined {
  if (texts === undefined) return 'cohere embeds texts, not token ids';
  if (texts.length === 0) return 'it has nothing to embed';
  return texts.length > MAX_TEXTS
    ? `it has ${texts.length} texts, cohere embeds ${MAX_TEXTS} at a time`
    : undefined;
}

/** `model`: undefined where the path names it. `type`: of the vectors. */
function writeRequest(
  { texts = [], dimensions, purpose, truncate, user, unknown }: EmbedRequest,
  { losses }: EmbedContext,
  model: JsonText | undefined,
  type: 'base64' | 'float',
): Buffer {
  const known = purposeOf(purpose);
  // The vendor must be told; most vectors are made to be searched for.
  if (known === undefined)
    losses.changed('input_type', 'cohere must know what vectors are for; search_document is taken');
  if (user !== undefined) losses.dropped('user', 'cohere has no user');
  for (const name of unknown) losses.dropped(name, `cohere has no ${name}`);
  return Buffer.from(
    object({
      model,
      texts: array(texts.map(json)),
      input_type: json(PURPOSES[known ?? 'Document']),
      embedding_types: array([json(type)]),
      output_dimension: optional(dimensions),
      truncate: optional(truncate),
    }),
  );
}

/** By type, or where only floats can be had, as a list at times. */
function vectorsIn(
  body: Buffer,
  encoding: EmbedRequest['encoding'],
  type: 'base64' | 'float',
): EmbedResponse {
  const root = readJson(body);
  const embeddings = root.at('embeddings');
  const list = embeddings?.isArray ? embeddings : embeddings?.at(type);
  const vectors = list?.elements() ?? [];
  return {
    model: undefined,
    vectors: vectors.map((vector) => (type === 'base64' ? vector.raw : vectorIn(vector, encoding))),
    usage: readUsage(root.at('meta')?.value()),
  };
}

const complete = ({ embeddings }: Json): boolean => typeof embeddings === 'object' && embeddings !== null;
const typeOf = ({ encoding }: Pick<EmbedRequest, 'encoding'>) => (encoding === 'Base64' ? 'base64' : 'float');

export const COHERE_EMBED_VENDOR: EmbedVendor = {
  obstacle,
  writeRequest: (request, context) => writeRequest(request, context, json(context.model), typeOf(request)),
  readResponse: (body, request) => vectorsIn(body, request.encoding, typeOf(request)),
};

export const COHERE_EMBED: WireReader = embedWire({
  name: 'cohere-embed',
  complete,
  usage: ({ meta }) => meta,
  readUsage,
  readError: readErrorBody,
});

/** The model stands in the path, vectors are numbers, and a header of the answer counts the tokens. */
export const COHERE_INVOKE_VENDOR: EmbedVendor = {
  obstacle,
  writeRequest: (request, context) => writeRequest(request, context, undefined, 'float'),
  readResponse: (body, { encoding }, rawUsage) => ({
    ...vectorsIn(body, encoding, 'float'),
    usage: readAwsUsage(rawUsage),
  }),
};

export const COHERE_INVOKE: WireReader = embedWire({
  name: 'cohere-invoke',
  complete,
  usage: () => undefined,
  readUsage: readAwsUsage,
  readError: readAwsError,
});
