/** Names the parameters of a request that a vendor does not have, as losses. */
import type { Losses } from './losses.ts';
import type { ChatRequest } from './request.ts';

/** Request parameters by canonical name, and what callers know them as. */
const NAMES: Readonly<Partial<Record<keyof ChatRequest, string>>> = {
  parallelToolCalls: 'parallel_tool_calls',
  output: 'response_format',
  maxOutputTokens: 'max_tokens',
  temperature: 'temperature',
  topP: 'top_p',
  topK: 'top_k',
  presencePenalty: 'presence_penalty',
  frequencyPenalty: 'frequency_penalty',
  seed: 'seed',
  stop: 'stop',
  logitBias: 'logit_bias',
  logprobs: 'logprobs',
  choices: 'n',
  reasoning: 'reasoning_effort',
  verbosity: 'verbosity',
  user: 'user',
  serviceTier: 'service_tier',
  metadata: 'metadata',
};

/** `vendor`: how the detail names it, such as `gemini`. */
export function nameLost(
  request: ChatRequest,
  honours: ReadonlySet<keyof ChatRequest>,
  vendor: string,
  losses: Losses,
): void {
  for (const key of Object.keys(NAMES) as (keyof ChatRequest)[]) {
    if (honours.has(key) || !asked(request, key)) continue;
    const name = NAMES[key] as string;
    losses.dropped(name, `${vendor} has no ${name}`);
  }
  for (const { name } of request.unknown) losses.dropped(name, `${vendor} has no ${name}`);
}

/** What is asked for as it would be without asking is no loss. */
function asked(request: ChatRequest, key: keyof ChatRequest): boolean {
  switch (key) {
    case 'stop':
      return request.stop.length > 0;
    case 'choices':
      return request.choices > 1;
    case 'parallelToolCalls':
      return request.parallelToolCalls === false;
    case 'output':
      return request.output !== undefined && request.output.type !== 'Text';
    case 'serviceTier':
      return request.serviceTier !== undefined && request.serviceTier !== 'auto';
    default:
      return request[key] !== undefined;
  }
}
