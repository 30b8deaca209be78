/** An answer as it is kept: what its caller was sent, who gave it and what it cost. */
import { ownText } from '../http1/own-text.ts';
import type { ItemId } from '../snapshot/schema.ts';

export interface CachedAnswer {
  /** Names and values in turn: those that are as true of a copy as of the original. */
  readonly headers: readonly string[];
  /** Of a stream: its events, as they were sent. */
  readonly body: Buffer;
  readonly streamed: boolean;
  /** Name of the target, the provider, and the model as the vendor calls it. */
  readonly target: string;
  readonly provider: ItemId;
  readonly model: string;
  /** What translation had to drop. */
  readonly warnings: readonly string[];
  /** It answers another question, that is this similar to the one that it is kept for; absent: the same. */
  readonly similarityPercent?: number;
  /** Undefined: the price was unknown. */
  readonly costNanoUsd: bigint | undefined;
  /** Wall clock, milliseconds: when it was complete, and from when on it is not given any more. */
  readonly at: number;
  readonly expires: number;
}

/** What an entry takes besides its body: the object, its key and its places in maps, roughly. */
const OVERHEAD = 600;

export const sizeOf = ({ body, headers }: CachedAnswer): number =>
  headers.reduce((sum, text) => sum + text.length, body.length + OVERHEAD);

/** Of a vendor's headers, lower-case, those that a copy has too: not its limits, nor how long it took. */
const KEPT_HEADERS: ReadonlySet<string> = new Set([
  'content-type',
  'x-request-id',
  'request-id',
  'apim-request-id',
  'x-amzn-requestid',
]);

/** Of a whole head. */
export function keptHeaders(head: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < head.length; i += 2) {
    const name = (head[i] as string).toLowerCase();
    if (KEPT_HEADERS.has(name)) kept.push(name, ownText(head[i + 1] as string));
  }
  return kept;
}
