/** Output items of a response, as JSON text. */

import type { Signature, Vendor } from '../../canonical/request.ts';
import { seal, sealCall } from '../../canonical/sealed.ts';
import { array, type JsonText, json, object } from '../../json/write.ts';
import { markRedacted } from './redacted.ts';

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete';

export const textPart = (
  text: string,
  annotations: readonly JsonText[],
  logprobs: readonly JsonText[],
): JsonText =>
  object({
    type: json('output_text'),
    annotations: array(annotations),
    logprobs: array(logprobs),
    text: json(text),
  });

export const refusalPart = (text: string): JsonText => object({ type: json('refusal'), refusal: json(text) });

export const summaryPart = (text: string): JsonText =>
  object({ type: json('summary_text'), text: json(text) });

export const messageItem = (id: string, status: ItemStatus, content: readonly JsonText[]): JsonText =>
  object({
    id: json(id),
    type: json('message'),
    status: json(status),
    content: array(content),
    role: json('assistant'),
  });

/** Without a summary, only what must come back. `encrypted`: as `encrypted_content`. */
export const reasoningItem = (id: string, text: string, encrypted: string | undefined): JsonText =>
  object({
    id: json(id),
    type: json('reasoning'),
    summary: array(text === '' ? [] : [summaryPart(text)]),
    encrypted_content: encrypted === undefined ? undefined : json(encrypted),
  });

export interface CallItem {
  id: string;
  callId: string;
  name: string;
  custom: boolean;
}

/** Clients parse arguments: nothing at all stands for no arguments once the call is complete. */
export const callItem = (call: CallItem, status: ItemStatus, text: string): JsonText =>
  object({
    id: json(call.id),
    type: json(call.custom ? 'custom_tool_call' : 'function_call'),
    status: json(status),
    arguments: call.custom ? undefined : json(text),
    call_id: json(call.callId),
    input: call.custom ? json(text) : undefined,
    name: json(call.name),
  });

export const sealed = (signature: Signature): string => seal(signature, 'openai');
export const sealedCall = (signature: Signature): string => sealCall(signature);
export const sealedRedacted = (data: string, vendor: Vendor): string =>
  seal(markRedacted(data, vendor), 'openai');
