/** Kinds of requests that are learned about apart: by what is known of every request without reading it. */
import { INPUT_BUCKETS, inputBucket } from '../observed/buckets.ts';
import type { RequestFacts } from '../plan.ts';

/** From 0: size of the input, whether it streams, whether it needs tools or a schema. */
export function contextOf({ inputTokens, stream, tools, jsonSchema }: RequestFacts): number {
  return inputBucket(inputTokens) * 4 + (stream ? 2 : 0) + (tools || jsonSchema ? 1 : 0);
}

/** In words, for explanations. */
export function contextWords(context: number): string {
  const structured = context % 2 === 1 ? 'tools or a schema' : 'text';
  const streams = Math.floor(context / 2) % 2 === 1 ? 'streamed' : 'whole';
  return `size ${Math.floor(context / 4) + 1} of ${INPUT_BUCKETS}, ${streams}, ${structured}`;
}
