/** Answers of the vendor in canonical form: events of a stream, or a whole body. */

import { BlockSequence, type Emit } from '../canonical/block-sequence.ts';
import { collect } from '../canonical/collect.ts';
import type { ChatResponse, Finish } from '../canonical/response.ts';
import { isCustomTool, readText } from '../canonical/tool-emulation.ts';
import type { Asked, EventSource } from '../chat-format.ts';
import type { EventReading } from '../dialect.ts';
import { wordOf } from '../service-tier.ts';
import { type Answer, type Candidate, type Part } from './answer.ts';
import { geminiCallId } from './call-ids.ts';
import { blockedFinish, finishOf } from './finish.ts';
import { openAILogprobs } from './logprobs.ts';
import { GeminiStreamReader, readAnswer } from './stream-reader.ts';
import { readUsage, serviceTier } from './usage.ts';

export class GeminiEventSource implements EventSource {
  readonly #choices = new Map<number, { blocks: BlockSequence; reason: string | undefined }>();
  readonly #asked: Asked;
  #started = false;
  #blocked: Finish | undefined = undefined;
  #usage: unknown = undefined;
  #seed = '';
  #calls = 0;

  constructor(asked: Asked) {
    this.#asked = asked;
  }

  /** Every event is told at once. */
  readonly held = 0;

  read(data: Buffer, reading: EventReading, emit: Emit): void {
    const answer = reading instanceof GeminiStreamReader ? reading.answer : undefined;
    if (answer !== undefined) {
      this.take(answer, emit);
      return;
    }
    const read = readAnswer(data);
    if ('answer' in read) this.take(read.answer, emit);
  }

  take(answer: Answer, emit: Emit): void {
    const { usage, model, responseId } = answer;
    if (!this.#started) {
      this.#started = true;
      this.#seed = responseId ?? '';
      emit({ type: 'Start', id: responseId, model, usage: readUsage(usage), rawUsage: usage });
    }
    if (usage !== undefined) this.#usage = usage;
    if (answer.blocked !== undefined) this.#blocked = blockedFinish(answer.blocked);
    for (const candidate of answer.candidates) this.#candidate(candidate, emit);
  }

  /** Early models name a finish reason in every event, so only the end of the stream is the end. */
  end(emit: Emit): void {
    if (!this.#started)
      emit({ type: 'Start', id: undefined, model: undefined, usage: undefined, rawUsage: undefined });
    for (const { blocks, reason } of this.#choices.values()) {
      blocks.finish(finishOf(reason ?? '', blocks.called), emit);
    }
    if (this.#choices.size === 0) {
      new BlockSequence(0).finish(this.#blocked ?? finishOf('', false), emit);
    }
    const usage = readUsage(this.#usage);
    if (usage !== undefined)
      emit({ type: 'Usage', usage, rawUsage: this.#usage, serviceTier: wordOf(serviceTier(this.#usage)) });
    emit({ type: 'End' });
  }

  #candidate({ index, parts, finishReason, citations, logprobs }: Candidate, emit: Emit): void {
    let choice = this.#choices.get(index);
    if (choice === undefined) {
      choice = { blocks: new BlockSequence(index), reason: undefined };
      this.#choices.set(index, choice);
    }
    const { blocks } = choice;
    for (const part of parts) this.#part(part, blocks, emit);
    for (const citation of citations) blocks.citation(citation, emit);
    const written = openAILogprobs(logprobs);
    if (written !== undefined) emit({ type: 'Logprobs', choice: index, logprobs: written });
    choice.reason = finishReason ?? choice.reason;
  }

  #part(part: Part, blocks: BlockSequence, emit: Emit): void {
    switch (part.type) {
      case 'Text':
      case 'Thought':
        blocks.text(part.type === 'Text' ? 'Text' : 'Thinking', part.text, emit);
        if (part.signature !== undefined) blocks.signature({ vendor: 'google', value: part.signature }, emit);
        return;
      case 'Call': {
        const { id, name, args, signature } = part;
        const seed = this.#seed === '' ? `${name}:${args}` : this.#seed;
        const custom = isCustomTool(name, this.#asked);
        blocks.whole(
          {
            type: 'ToolCall',
            id: id ?? geminiCallId(seed, this.#calls),
            name,
            ...(custom ? { custom } : {}),
            signature: signature === undefined ? undefined : { vendor: 'google', value: signature },
          },
          custom ? readText(args) : args,
          emit,
        );
        this.#calls++;
        return;
      }
      case 'Other':
        blocks.whole({ type: 'Native', vendor: 'google', json: part.json }, '', emit);
    }
  }
}

/** Throws where the body is not what the dialect promises; `readComplete` of the wire reader has said so before. */
export function readCompleteChat(body: Buffer, asked: Asked): ChatResponse {
  const read = readAnswer(body);
  if ('error' in read) throw new TypeError(`not a GenerateContentResponse: ${read.error.message}`);
  const source = new GeminiEventSource(asked);
  return collect((emit) => {
    source.take(read.answer, emit);
    source.end(emit);
  });
}
