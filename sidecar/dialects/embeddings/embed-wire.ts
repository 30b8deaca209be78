/** How answers with vectors are read: whole, with usage somewhere in them. */
import type { DialectName, WireReader } from '../dialect.ts';
import { isObject, type Json } from '../json/parsed.ts';
import type { JsonNode } from '../json/tape.ts';
import { type JsonText, json } from '../json/write.ts';
import { UnexpectedStreamReader } from './unexpected-stream.ts';

export interface EmbedAnswer {
  readonly name: DialectName;
  /** Whether there are vectors in it. */
  readonly complete: (answer: Json) => boolean;
  /** As the vendor gives it; undefined where the body has none. */
  readonly usage: (answer: Json) => unknown;
  readonly readUsage: WireReader['readUsage'];
  readonly readError: WireReader['readError'];
}

export function embedWire({ name, complete, usage, readUsage, readError }: EmbedAnswer): WireReader {
  return {
    name,
    openStream: () => new UnexpectedStreamReader(),
    readComplete(body) {
      const answer = parsed(body);
      const whole = answer !== undefined && complete(answer);
      return {
        error: whole ? undefined : NO_VECTORS,
        usage: answer && usage(answer),
        model: undefined,
        responseId: typeof answer?.id === 'string' ? answer.id : undefined,
        finishReasons: [],
        outputBytes: 0,
      };
    },
    readError,
    readUsage,
  };
}

const NO_VECTORS = {
  status: undefined,
  code: 'invalid_body',
  type: undefined,
  message: 'the answer has no embeddings',
};

function parsed(body: Buffer): Json | undefined {
  try {
    const value: unknown = JSON.parse(body.toString());
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A vector that a vendor writes as numbers, for callers that want the bytes of its 32-bit floats. OpenAI's clients do unless told otherwise. */
export function vectorIn(node: JsonNode, encoding: 'Float' | 'Base64'): JsonText {
  if (encoding === 'Float') return node.raw;
  const floats = Float32Array.from(node.value() as number[]);
  return json(Buffer.from(floats.buffer).toString('base64'));
}
