/** One request for vectors, and what its answer must be. Whether and how it gets out is the business of the operator's door. */
import { readVectors } from '../../sidecar/snapshot/embeddings-answer.ts';
import type { VectorsWanted } from '../compile/example-vectors.ts';

export interface Post {
  (call: {
    url: string;
    headers: Record<string, string>;
    body: string;
  }): Promise<{
    status: number;
    body: string;
  }>;
}

/** Rejects with a sentence that holds nothing of the provider's text. */
export async function askForVectors(
  post: Post,
  { url, headers, body }: Pick<VectorsWanted, 'url' | 'headers' | 'body'>,
  texts: readonly string[],
): Promise<number[][]> {
  const answer = await post({
    url,
    headers: { ...headers, 'content-type': 'application/json', 'accept-encoding': 'identity' },
    body: JSON.stringify({ ...body, input: texts }),
  });
  if (answer.status !== 200) throw new Error(`the provider answered ${answer.status}`);
  const vectors = readVectors(parsed(answer.body), texts.length);
  if (!vectors) throw new Error('the answer has not one vector for each example');
  return vectors;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
