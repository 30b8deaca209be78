/** A caller's dialect as dispatch drives it: canonical events out as a stream, canonical answers as a body. */
import { emptyRequest } from '../../../../sidecar/dialects/canonical/empty-request.ts';
import type { ChatRequest } from '../../../../sidecar/dialects/canonical/request.ts';
import type { ChatChoice, ChatEvent, ChatResponse } from '../../../../sidecar/dialects/canonical/response.ts';
import type { AnswerContext, CallerFormat } from '../../../../sidecar/dialects/chat-format.ts';
import { CanonicalValidator } from '../validators/canonical.ts';

export const answerContext = (request: Partial<ChatRequest> = {}): AnswerContext => ({
  requestId: 'r1',
  now: 1_780_000_000,
  model: 'asked-model',
  request: { ...emptyRequest(), ...request },
});

/** The events must be canonical themselves. */
export function streamOf(
  caller: CallerFormat,
  events: readonly ChatEvent[],
  context = answerContext(),
): Buffer {
  const validator = new CanonicalValidator();
  const writer = caller.openWriter(context);
  let text = '';
  for (const event of events) {
    validator.take(event);
    text += writer.write(event) ?? '';
  }
  validator.end();
  return Buffer.from(text);
}

export const bodyOf = (caller: CallerFormat, response: ChatResponse, context = answerContext()): unknown =>
  JSON.parse(caller.writeComplete(response, context).toString());

export const responseOf = (choice: Partial<ChatChoice>, rest: Partial<ChatResponse> = {}): ChatResponse => ({
  id: 'chatcmpl-1',
  model: 'some-model',
  choices: [{ blocks: [], finish: { reason: 'Stop', raw: 'stop' }, ...choice }],
  usage: undefined,
  rawUsage: undefined,
  serviceTier: undefined,
  ...rest,
});
