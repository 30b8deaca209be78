/** Log probabilities in OpenAI's form: one entry for each piece of text, of as many tokens as it has. */
import type { JsonText } from '../json/write.ts';

export function cohereLogprobs(items: readonly unknown[]): JsonText | undefined {
  const content = items
    .filter(
      (item): item is { text?: unknown; logprobs?: unknown } => typeof item === 'object' && item !== null,
    )
    .map(({ text, logprobs }) => {
      const token = typeof text === 'string' ? text : '';
      const values = Array.isArray(logprobs)
        ? (logprobs as unknown[]).filter((value) => typeof value === 'number')
        : [];
      const logprob = values.reduce((sum, value) => sum + value, 0);
      return { token, logprob, bytes: [...Buffer.from(token)], top_logprobs: [] };
    });
  return content.length === 0 ? undefined : JSON.stringify({ content, refusal: null });
}
