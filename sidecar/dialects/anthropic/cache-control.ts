/** Marks of the prompt cache, as the Messages API writes them. */
import type { CacheMark } from '../canonical/request.ts';
import type { JsonNode } from '../json/tape.ts';
import type { JsonText } from '../json/write.ts';

/** Undefined: no mark. */
export function readCache(node: JsonNode | undefined): CacheMark | undefined {
  if (!node?.isObject) return undefined;
  return { ttl: node.at('ttl')?.text === '1h' ? '1h' : '5m' };
}

export function writeCache(mark: CacheMark | undefined): JsonText | undefined {
  if (mark === undefined) return undefined;
  return mark.ttl === '1h' ? '{"type":"ephemeral","ttl":"1h"}' : '{"type":"ephemeral"}';
}
