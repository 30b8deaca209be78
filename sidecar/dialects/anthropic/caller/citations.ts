/** Citations in an answer. Clients check those of this API against a list of kinds, so others go beside them. */
import type { JsonText } from '../../json/write.ts';

const KINDS: ReadonlySet<unknown> = new Set([
  'char_location',
  'page_location',
  'content_block_location',
  'web_search_result_location',
  'search_result_location',
]);
/** Characters of foreign citations kept for the end of one block. */
const MAX_HELD = 64 * 1024;

export function isOwnCitation(citation: JsonText): boolean {
  return KINDS.has((JSON.parse(citation) as { type?: unknown } | null)?.type);
}

/** Citations that this API has no form for: they come out as `annotations`, as the vendor wrote them. */
export class Annotations {
  #held: JsonText[] = [];
  #size = 0;

  /** Characters kept. */
  get held(): number {
    return this.#size;
  }

  add(citation: JsonText): void {
    if (this.#size + citation.length > MAX_HELD) return;
    this.#size += citation.length;
    this.#held.push(citation);
  }

  /** Undefined: none. */
  take(): JsonText | undefined {
    const held = this.#held;
    if (held.length === 0) return undefined;
    this.#held = [];
    this.#size = 0;
    return `[${held.join(',')}]`;
  }
}
