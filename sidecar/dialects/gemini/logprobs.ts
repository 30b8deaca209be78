/** `logprobsResult` in OpenAI's form, which is the one that callers read. */
import type { JsonText } from '../json/write.ts';

interface Token {
  token?: unknown;
  logProbability?: unknown;
}

export function openAILogprobs(result: unknown): JsonText | undefined {
  const { chosenCandidates, topCandidates } = (result ?? {}) as {
    chosenCandidates?: unknown;
    topCandidates?: unknown;
  };
  if (!Array.isArray(chosenCandidates) || chosenCandidates.length === 0) return undefined;
  const tops = Array.isArray(topCandidates) ? (topCandidates as { candidates?: unknown }[]) : [];
  const content = (chosenCandidates as Token[]).map((chosen, at) => {
    const top = tops[at]?.candidates;
    return { ...entry(chosen), top_logprobs: Array.isArray(top) ? (top as Token[]).map(entry) : [] };
  });
  return JSON.stringify({ content, refusal: null });
}

function entry({ token, logProbability }: Token) {
  const text = typeof token === 'string' ? token : '';
  return {
    token: text,
    logprob: typeof logProbability === 'number' ? logProbability : 0,
    bytes: [...Buffer.from(text)],
  };
}
