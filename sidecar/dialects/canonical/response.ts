/**
 * An answer as every chat dialect can say it: whole, or as events.
 *
 * Events are strictly in order. Per choice at most one block is open; a block is opened, filled and closed before the next is
 * opened, and blocks count up from 0. Each choice finishes once; `End` is last.
 */
import type { Usage } from '../../accounting/usage.ts';
import type { JsonText } from '../json/write.ts';
import type { Block, Signature, Vendor } from './request.ts';

/**
 * Stop: the model was done. StopSequence: it met one of the caller's. Length: the output cap. ContextWindow: the window was
 * full. ToolCalls: it waits for results. ContentFilter: the vendor's filter. Refusal: the model declined. Pause: the vendor
 * wants the conversation sent again to go on. Other: a word nobody knows; see `raw`.
 */
export type StopReason =
  | 'Stop'
  | 'StopSequence'
  | 'Length'
  | 'ContextWindow'
  | 'ToolCalls'
  | 'ContentFilter'
  | 'Refusal'
  | 'Pause'
  | 'Other';

export interface Finish {
  reason: StopReason;
  /** The vendor's own word. */
  raw: string;
  /** The sequence that was met. */
  sequence?: string | undefined;
}

export interface ChatResponse {
  id: string | undefined;
  model: string | undefined;
  choices: ChatChoice[];
  /** Undefined where the vendor sent none. */
  usage: Usage | undefined;
  rawUsage: unknown;
  serviceTier: string | undefined;
}

export interface ChatChoice {
  /** Text, Thinking, RedactedThinking, ToolCall, Refusal, Native. */
  blocks: Block[];
  finish: Finish;
  /** OpenAI's form, as written. */
  logprobs?: JsonText | undefined;
}

export type OpenBlock =
  | { type: 'Text' | 'Thinking' | 'Refusal' }
  | { type: 'RedactedThinking'; data: string; vendor: Vendor }
  | {
      type: 'ToolCall';
      id: string;
      name: string;
      custom?: boolean | undefined;
      signature?: Signature | undefined;
    }
  | { type: 'Native'; vendor: Vendor; json: JsonText };

export type ChatEvent =
  | {
      type: 'Start';
      id: string | undefined;
      model: string | undefined;
      usage: Usage | undefined;
      rawUsage: unknown;
    }
  | { type: 'BlockStart'; choice: number; block: number; open: OpenBlock }
  /** Text, thinking or refusal text, or a piece of a call's arguments; never empty. */
  | { type: 'Delta'; choice: number; block: number; text: string }
  /** Of the open Thinking or Text block. */
  | { type: 'Signature'; choice: number; block: number; signature: Signature }
  | { type: 'Citation'; choice: number; block: number; citation: JsonText }
  /** OpenAI's `choices[].logprobs` for what came just before, as written. */
  | { type: 'Logprobs'; choice: number; logprobs: JsonText }
  | { type: 'BlockStop'; choice: number; block: number }
  | { type: 'Finish'; choice: number; finish: Finish }
  /** A snapshot of all usage so far, not an increment; the last one counts. */
  | { type: 'Usage'; usage: Usage; rawUsage: unknown; serviceTier: string | undefined }
  | { type: 'End' };
