/** A request that asks for nothing yet; readers fill it. */
import type { ChatRequest } from './request.ts';

export function emptyRequest(): ChatRequest {
  return {
    source: undefined,
    turns: [],
    tools: [],
    toolChoice: undefined,
    parallelToolCalls: undefined,
    output: undefined,
    maxOutputTokens: undefined,
    temperature: undefined,
    topP: undefined,
    topK: undefined,
    presencePenalty: undefined,
    frequencyPenalty: undefined,
    seed: undefined,
    stop: [],
    logitBias: undefined,
    logprobs: undefined,
    choices: 1,
    reasoning: undefined,
    verbosity: undefined,
    user: undefined,
    serviceTier: undefined,
    metadata: undefined,
    stream: false,
    includeUsage: false,
    unknown: [],
  };
}
