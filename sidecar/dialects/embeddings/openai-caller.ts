/** `POST /v1/embeddings` as apps call it. */

import { inputTokens } from '../../accounting/usage.ts';
import { type JsonNode, readJson } from '../json/tape.ts';
import { array, json, object } from '../json/write.ts';
import { renderUpstreamError } from '../openai/render-upstream-error.ts';
import type { EmbedCaller, EmbedRequest } from './embed-format.ts';

const KNOWN = new Set(['model', 'input', 'dimensions', 'encoding_format', 'user', 'input_type', 'truncate']);

export const OPENAI_EMBED_CALLER: EmbedCaller = {
  readRequest(body) {
    const root = readJson(body);
    return {
      texts: textsOf(root.at('input')),
      dimensions: root.at('dimensions')?.number,
      encoding: root.at('encoding_format')?.text === 'base64' ? 'Base64' : 'Float',
      purpose: root.at('input_type')?.text,
      truncate: root.at('truncate')?.text,
      user: root.at('user')?.text,
      unknown: [...root.members()].map(([name]) => name).filter((name) => !KNOWN.has(name)),
    };
  },
  writeResponse({ model, vectors, usage }, asked) {
    const tokens = json(usage === undefined ? 0 : inputTokens(usage));
    return Buffer.from(
      object({
        object: '"list"',
        data: array(
          vectors.map((embedding, index) => object({ object: '"embedding"', index: json(index), embedding })),
        ),
        model: json(model ?? asked),
        usage: object({ prompt_tokens: tokens, total_tokens: tokens }),
      }),
    );
  },
  renderUpstreamError,
};

function textsOf(input: JsonNode | undefined): EmbedRequest['texts'] {
  const one = input?.text;
  if (one !== undefined) return [one];
  const texts: string[] = [];
  for (const element of input?.elements() ?? []) {
    const { text } = element;
    if (text === undefined) return undefined;
    texts.push(text);
  }
  return texts;
}
