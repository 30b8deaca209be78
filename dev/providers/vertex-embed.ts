/** Embeddings of Vertex AI as the scripted provider speaks them: `predict`, and `embedContent` of newer models. */
import { EMBEDDING_LENGTH, embeddingOf } from './embedding.ts';
import type { Json } from './json.ts';

const TASKS = new Set([
  'RETRIEVAL_DOCUMENT',
  'RETRIEVAL_QUERY',
  'SEMANTIC_SIMILARITY',
  'CLASSIFICATION',
  'CLUSTERING',
  'QUESTION_ANSWERING',
  'FACT_VERIFICATION',
  'CODE_RETRIEVAL_QUERY',
]);
const MAX_INSTANCES = 250;

const tokensIn = (text: string): number => Math.ceil(text.length / 4);

/** The answer, or why there is none. */
export function predict(model: string, { instances, parameters = {} }: Json): Json | string {
  if (!Array.isArray(instances) || instances.length === 0) return 'instances is required';
  const most = model.startsWith('gemini-embedding-') ? 1 : MAX_INSTANCES;
  if (instances.length > most) return `${instances.length} instance(s) is given; at most ${most} are allowed`;
  const { outputDimensionality: length = EMBEDDING_LENGTH } = parameters as Json;
  const predictions: Json[] = [];
  for (const { content, task_type: task } of instances as Json[]) {
    if (typeof content !== 'string' || content === '') return 'The text content is empty.';
    if (task !== undefined && !TASKS.has(task as string)) return 'Unable to parse task_type';
    const values = Array.from(embeddingOf(content, length as number));
    predictions.push({
      embeddings: { statistics: { truncated: false, token_count: tokensIn(content) }, values },
    });
  }
  return { predictions, metadata: { billableCharacterCount: 1 } };
}

/** As `predict`. */
export function embedContent({ content, taskType, outputDimensionality: length }: Json): Json | string {
  if (taskType !== undefined) return 'task_type is not supported for this model';
  const [part, ...rest] = ((content as Json | undefined)?.parts ?? []) as Json[];
  if (typeof part?.text !== 'string' || rest.length > 0) return 'content must have one part';
  const values = Array.from(embeddingOf(part.text, (length as number | undefined) ?? EMBEDDING_LENGTH));
  const promptTokenCount = tokensIn(part.text);
  return {
    embedding: { values },
    usageMetadata: { promptTokenCount, totalTokenCount: promptTokenCount },
    truncated: false,
  };
}
