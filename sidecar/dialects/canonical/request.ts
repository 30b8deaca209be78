/**
 * A conversation as every chat dialect can say it: turns of content blocks, tools, and what the caller asks of the answer.
 * A dialect reads its own wire format into this and writes this into its own; no dialect knows another.
 *
 * Whatever has a meaning of its own stays as it was written (`JsonText`): schemas, arguments, metadata.
 */
import type { Said } from '../json/said.ts';
import type { JsonText } from '../json/write.ts';

export interface ChatRequest {
  /** The body that was read, to which its texts may refer. */
  source: Buffer | undefined;
  /** In the caller's order. System turns may stand anywhere; `developer` is `system`. */
  turns: Turn[];
  tools: Tool[];
  toolChoice: ToolChoice | undefined;
  /** False: at most one tool call in an answer. */
  parallelToolCalls: boolean | undefined;
  output: OutputFormat | undefined;
  maxOutputTokens: number | undefined;
  temperature: number | undefined;
  topP: number | undefined;
  topK: number | undefined;
  presencePenalty: number | undefined;
  frequencyPenalty: number | undefined;
  seed: number | undefined;
  stop: string[];
  logitBias: JsonText | undefined;
  /** Undefined: not asked for. `top`: alternatives per token. */
  logprobs: { top: number } | undefined;
  /** Parallel answers (`n`). */
  choices: number;
  reasoning: Reasoning | undefined;
  /** `low`, `medium`, `high`. */
  verbosity: string | undefined;
  /** The end user, as the app names it to the vendor. */
  user: string | undefined;
  serviceTier: string | undefined;
  metadata: JsonText | undefined;
  stream: boolean;
  /** The caller asked for usage in its stream, where its dialect has it asked for. */
  includeUsage: boolean;
  /** Depth-1 members the reader gives no meaning to, as written; they are lost where the target speaks another dialect. */
  unknown: { name: string; value: JsonText }[];
  /** Why no other dialect can say this request, such as `audio output is asked for`. Absent: nothing stands against it. */
  untranslatable?: string | undefined;
  /** The caller offers tools as OpenAI's `functions`: calls are answered as `function_call`. */
  legacyFunctions?: true | undefined;
}

export interface Turn {
  role: 'system' | 'user' | 'assistant';
  blocks: Block[];
  /** Participant's name, where a dialect has one. */
  name?: string | undefined;
}

/** A prompt-cache mark behind a block. */
export interface CacheMark {
  ttl: '5m' | '1h';
}

export type Block =
  | TextBlock
  | ImageBlock
  | FileBlock
  | AudioBlock
  | ToolCallBlock
  | ToolResultBlock
  | ThinkingBlock
  | RedactedThinkingBlock
  | RefusalBlock
  | NativeBlock;

export interface TextBlock {
  type: 'Text';
  text: Said;
  /** Citations or annotations as the vendor wrote them. */
  citations?: JsonText | undefined;
  cache?: CacheMark | undefined;
}

export interface ImageBlock {
  type: 'Image';
  source: MediaSource;
  /** `low`, `high`, `auto`. */
  detail?: string | undefined;
  cache?: CacheMark | undefined;
}

/** A document; `mediaType` is `application/pdf` unless the caller says otherwise. */
export interface FileBlock {
  type: 'File';
  source: MediaSource;
  name?: string | undefined;
  cache?: CacheMark | undefined;
}

export interface AudioBlock {
  type: 'Audio';
  /** Base64. */
  data: string;
  /** `wav`, `mp3`, ... */
  format: string;
}

/**
 * Base64: `data` without white space or prefix. Url: http(s), fetched by the vendor where it can. FileId: an upload at one
 * vendor, which no other knows. Text: a plain-text document given in the request.
 */
export type MediaSource =
  | { kind: 'Base64'; mediaType: string; data: string }
  | { kind: 'Url'; url: string; mediaType?: string | undefined }
  | { kind: 'FileId'; id: string; vendor: Vendor }
  | { kind: 'Text'; mediaType: string; text: string };

/** Who can read a signature, an encrypted block or a file id. */
export type Vendor = 'openai' | 'anthropic' | 'google' | 'bedrock';

export interface ToolCallBlock {
  type: 'ToolCall';
  id: string;
  name: string;
  /** As the model wrote it: an object as a rule, but models do write broken JSON, and nothing at all. */
  arguments: string;
  /** Free text instead of JSON (OpenAI's custom tools). */
  custom?: boolean | undefined;
  /** Proof of the thinking that led to the call. */
  signature?: Signature | undefined;
  cache?: CacheMark | undefined;
}

export interface ToolResultBlock {
  type: 'ToolResult';
  callId: string;
  /** Name of the tool, resolved from the call it answers; empty where no call is found. */
  name: string;
  blocks: (TextBlock | ImageBlock | FileBlock)[];
  isError: boolean;
  cache?: CacheMark | undefined;
}

/** The text may be empty: a signature alone. Gemini signs text too; such a signature stands right behind the text. */
export interface ThinkingBlock {
  type: 'Thinking';
  text: string;
  signature?: Signature | undefined;
}

export interface RedactedThinkingBlock {
  type: 'RedactedThinking';
  data: string;
  vendor: Vendor;
}

interface RefusalBlock {
  type: 'Refusal';
  text: string;
}

/** A block only one vendor understands, such as the trace of a search it ran. As written. */
interface NativeBlock {
  type: 'Native';
  vendor: Vendor;
  json: JsonText;
}

export interface Signature {
  vendor: Vendor;
  value: string;
}

export interface Tool {
  /** Function: called by the app, with JSON arguments. Custom: called by the app, with text. Server: run by the vendor. */
  type: 'Function' | 'Custom' | 'Server';
  name: string;
  description: string | undefined;
  /** JSON schema of the arguments. */
  schema: JsonText | undefined;
  strict: boolean | undefined;
  cache?: CacheMark | undefined;
  /** Server and Custom: the tool as written, and whose it is. */
  native?: { vendor: Vendor; json: JsonText } | undefined;
}

export type ToolChoice = { type: 'Auto' | 'None' | 'Required' } | { type: 'Tool'; name: string };

export type OutputFormat =
  | { type: 'Text' | 'JSONObject' }
  | {
      type: 'JSONSchema';
      name: string;
      description: string | undefined;
      schema: JsonText;
      strict: boolean | undefined;
    };

export interface Reasoning {
  /** Off: asked not to think. Adaptive: the model decides. */
  mode: 'Off' | 'On' | 'Adaptive';
  /** `minimal`, `low`, `medium`, `high`, `xhigh`, `max`. */
  effort: string | undefined;
  budgetTokens: number | undefined;
  /** The caller wants to see the thinking, or a summary of it. */
  show: boolean | undefined;
}
