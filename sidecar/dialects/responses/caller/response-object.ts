/**
 * The response object, of which every state of a stream carries one. It repeats what was asked for, but neither the
 * instructions nor the tools: a prompt must not live as long as its stream.
 */
import type { Usage } from '../../../accounting/usage.ts';
import type { OutputFormat, ToolChoice } from '../../canonical/request.ts';
import type { Finish } from '../../canonical/response.ts';
import type { AnswerContext, Asked } from '../../chat-format.ts';
import { array, type JsonText, json, object, optional } from '../../json/write.ts';
import { finishExtra } from '../../openai/caller/write-finish.ts';
import { cacheWrites, completionTokens, promptTokens } from '../../openai/caller/write-usage.ts';

export interface ResponseState {
  id: string;
  model: string;
  status: 'in_progress' | 'completed' | 'incomplete';
  output: readonly JsonText[];
  usage: Usage | undefined;
  serviceTier: string | undefined;
  finish: Finish | undefined;
  refused: boolean;
}

/** `context`: when, and what was asked for. */
export function responseObject(
  state: ResponseState,
  { now, request }: Pick<AnswerContext, 'now' | 'request'>,
): JsonText {
  const { finish, refused } = state;
  const reason = finish && incompleteReason(finish, refused);
  return object({
    id: json(state.id),
    object: json('response'),
    created_at: json(now),
    status: json(state.status),
    background: 'false',
    error: 'null',
    incomplete_details: reason === undefined ? 'null' : object({ reason: json(reason) }),
    instructions: 'null',
    max_output_tokens: orNull(optional(request.maxOutputTokens)),
    metadata: request.metadata ?? '{}',
    model: json(state.model),
    output: array(state.output),
    parallel_tool_calls: json(request.parallelToolCalls ?? true),
    previous_response_id: 'null',
    reasoning: reasoningOf(request),
    service_tier: orNull(optional(state.serviceTier)),
    store: 'false',
    temperature: orNull(optional(request.temperature)),
    text: object({ format: formatOf(request.output), verbosity: optional(request.verbosity) }),
    tool_choice: choiceOf(request.toolChoice),
    tools: '[]',
    top_p: orNull(optional(request.topP)),
    truncation: json('disabled'),
    usage: state.usage ? usageOf(state.usage) : 'null',
    user: orNull(optional(request.user)),
    extra_content: finish && finishExtra(finish, refused),
  });
}

const orNull = (text: JsonText | undefined): JsonText => text ?? 'null';

/** Undefined: the response is complete. A refusal in the message is complete; a stop word nobody knows is not. */
export function incompleteReason({ reason }: Finish, refused: boolean): string | undefined {
  switch (reason) {
    case 'Stop':
    case 'StopSequence':
    case 'ToolCalls':
      return undefined;
    case 'Refusal':
      return refused ? undefined : 'content_filter';
    case 'ContentFilter':
      return 'content_filter';
    default:
      return 'max_output_tokens';
  }
}

function reasoningOf({ reasoning }: Asked): JsonText {
  return object({
    effort: orNull(optional(reasoning?.effort)),
    summary: reasoning?.show ? json('auto') : 'null',
  });
}

function formatOf(output: OutputFormat | undefined): JsonText {
  if (output?.type === 'JSONObject') return '{"type":"json_object"}';
  if (output?.type !== 'JSONSchema') return '{"type":"text"}';
  return object({
    type: json('json_schema'),
    name: json(output.name),
    description: optional(output.description),
    schema: output.schema,
    strict: optional(output.strict),
  });
}

function choiceOf(choice: ToolChoice | undefined): JsonText {
  if (choice?.type === 'Tool') return object({ type: json('function'), name: json(choice.name) });
  return json(choice?.type.toLowerCase() ?? 'auto');
}

function usageOf(usage: Usage): JsonText {
  const input = promptTokens(usage);
  const output = completionTokens(usage);
  return object({
    input_tokens: json(input),
    input_tokens_details: object({
      cached_tokens: json(usage.cacheRead),
      cache_write_tokens: json(cacheWrites(usage)),
    }),
    output_tokens: json(output),
    output_tokens_details: object({ reasoning_tokens: json(usage.reasoning) }),
    total_tokens: json(input + output),
  });
}
