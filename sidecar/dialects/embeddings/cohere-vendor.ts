/** `POST /v2/embed` of Cohere. */

import { readErrorBody } from '../cohere/upstream-error.ts';
import { readUsage } from '../cohere/usage.ts';
import type { WireReader } from '../dialect.ts';
import { readJson } from '../json/tape.ts';
import { array, json, object, optional } from '../json/write.ts';
import type { EmbedVendor } from './embed-format.ts';
import { UnexpectedStreamReader } from './unexpected-stream.ts';

const MAX_TEXTS = 96;
const PURPOSES: Readonly<Record<string, string>> = {
  search_document: 'search_document',
  search_query: 'search_query',
  classification: 'classification',
  clustering: 'clustering',
  // As NVIDIA, Voyage and Jina name them.
  passage: 'search_document',
  document: 'search_document',
  query: 'search_query',
};

export const COHERE_EMBED_VENDOR: EmbedVendor = {
  obstacle({ texts }) {
    if (texts === undefined) return 'cohere embeds texts, not token ids';
    if (texts.length === 0) return 'it has nothing to embed';
    return texts.length > MAX_TEXTS
      ? `it has ${texts.length} texts, cohere embeds ${MAX_TEXTS} at a time`
      : undefined;
  },
  writeRequest({ texts = [], dimensions, encoding, purpose, truncate, user, unknown }, { model, losses }) {
    const known = purpose === undefined ? undefined : PURPOSES[purpose];
    // The vendor must be told; most vectors are made to be searched for.
    if (known === undefined)
      losses.changed('input_type', 'cohere must know what vectors are for; search_document is taken');
    if (user !== undefined) losses.dropped('user', 'cohere has no user');
    for (const name of unknown) losses.dropped(name, `cohere has no ${name}`);
    return Buffer.from(
      object({
        model: json(model),
        texts: array(texts.map(json)),
        input_type: json(known ?? 'search_document'),
        embedding_types: array([encoding === 'Base64' ? '"base64"' : '"float"']),
        output_dimension: optional(dimensions),
        truncate: optional(truncate),
      }),
    );
  },
  readResponse(body, { encoding }) {
    const root = readJson(body);
    const embeddings = root.at('embeddings');
    const list = embeddings?.isArray
      ? embeddings
      : embeddings?.at(encoding === 'Base64' ? 'base64' : 'float');
    return {
      model: undefined,
      vectors: [...(list?.elements() ?? [])].map((vector) => vector.raw),
      usage: readUsage(root.at('meta')?.value()),
    };
  },
};

export const COHERE_EMBED: WireReader = {
  name: 'cohere-embed',
  openStream: () => new UnexpectedStreamReader(),
  readComplete(body) {
    let value: { id?: unknown; embeddings?: unknown; meta?: unknown } | undefined;
    try {
      value = JSON.parse(body.toString()) as typeof value;
    } catch {
      value = undefined;
    }
    const complete = typeof value?.embeddings === 'object' && value.embeddings !== null;
    return {
      error: complete
        ? undefined
        : {
            status: undefined,
            code: 'invalid_body',
            type: undefined,
            message: 'the answer has no embeddings',
          },
      usage: value?.meta,
      model: undefined,
      responseId: typeof value?.id === 'string' ? value.id : undefined,
      finishReasons: [],
      outputBytes: 0,
    };
  },
  readError: readErrorBody,
  readUsage,
};
