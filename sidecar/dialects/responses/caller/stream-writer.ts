/** Canonical events as the events of a Responses stream. */
import type { Usage } from '../../../accounting/usage.ts';
import type { Signature } from '../../canonical/request.ts';
import type { ChatEvent, Finish, OpenBlock } from '../../canonical/response.ts';
import type { AnswerContext, EventWriter } from '../../chat-format.ts';
import { readJson } from '../../json/tape.ts';
import type { JsonText } from '../../json/write.ts';
import { answerId } from '../../openai/caller/answer-id.ts';
import { sealed, sealedCall, sealedRedacted } from './items.ts';
import { incompleteReason, responseObject } from './response-object.ts';
import { StreamItems, event as writeEvent } from './stream-items.ts';

export class ResponsesStreamWriter implements EventWriter {
  readonly #context: AnswerContext;
  #id: string;
  #model: string;
  #items: StreamItems;
  #text = '';
  #sequence = 0;
  #open: OpenBlock['type'] | undefined;
  #signature: Signature | undefined;
  #usage: Usage | undefined;
  #serviceTier: string | undefined;
  #finish: Finish | undefined;
  /** Text whose log probabilities come with the next event. */
  #pending: string | undefined;
  readonly #logprobs: boolean;

  constructor(context: AnswerContext) {
    this.#context = context;
    this.#id = answerId('resp_', undefined, context);
    this.#model = context.model;
    this.#logprobs = context.request.logprobs !== undefined;
    this.#items = this.#newItems();
  }

  /** Characters kept of the answer: its last events repeat all of it. */
  get held(): number {
    return this.#items.held;
  }

  write(event: ChatEvent): string | undefined {
    // A response has one answer: `n` does not exist here.
    if ('choice' in event && event.choice > 0) return undefined;
    if (this.#pending !== undefined) this.#release(event);
    this.#write(event);
    const text = this.#text;
    this.#text = '';
    return text === '' ? undefined : text;
  }

  #write(event: ChatEvent): void {
    switch (event.type) {
      case 'Start':
        this.#start(event.id, event.model);
        this.#usage = event.usage;
        return;
      case 'BlockStart':
        this.#openBlock(event.open);
        return;
      case 'Delta':
        if (this.#logprobs && this.#open === 'Text') this.#pending = event.text;
        else this.#items.fill(event.text);
        return;
      case 'Signature':
        this.#signature = event.signature;
        return;
      case 'Citation':
        this.#items.cite(event.citation);
        return;
      case 'Logprobs':
        return;
      case 'BlockStop':
        this.#closeBlock();
        return;
      case 'Usage':
        this.#usage = event.usage;
        this.#serviceTier = event.serviceTier ?? this.#serviceTier;
        return;
      case 'Finish':
        this.#finish = event.finish;
        this.#items.close(this.#isIncomplete(event.finish) ? 'incomplete' : 'completed');
        return;
      case 'End':
        this.#end();
    }
  }

  #release(next: ChatEvent): void {
    this.#items.fill(this.#pending ?? '', next.type === 'Logprobs' ? tokensOf(next.logprobs) : []);
    this.#pending = undefined;
  }

  #start(id: string | undefined, model: string | undefined): void {
    this.#id = answerId('resp_', id, this.#context);
    this.#model = model ?? this.#model;
    this.#items = this.#newItems();
    const response = this.#response('in_progress');
    this.#say('response.created', `"response":${response}`);
    this.#say('response.in_progress', `"response":${response}`);
  }

  #openBlock(open: OpenBlock): void {
    this.#open = open.type;
    switch (open.type) {
      case 'Text':
      case 'Refusal':
        this.#items.openText(open.type);
        return;
      case 'Thinking':
        this.#items.openThinking();
        return;
      case 'RedactedThinking':
        this.#items.sealed(sealedRedacted(open.data, open.vendor));
        return;
      case 'ToolCall':
        if (open.signature) this.#items.sealed(sealedCall(open.signature));
        this.#items.openCall(open.id, open.name, open.custom === true);
        return;
      case 'Native':
        // Traces of tools a vendor runs itself: such requests do not cross dialects.
        return;
    }
  }

  #closeBlock(): void {
    const signature = this.#signature;
    this.#signature = undefined;
    const encrypted = signature && sealed(signature);
    this.#items.closeBlock(this.#open === 'Thinking' ? encrypted : undefined);
    // Text has no field for a signature: it stands behind it.
    if (encrypted !== undefined && this.#open === 'Text') this.#items.sealed(encrypted);
    this.#open = undefined;
  }

  #end(): void {
    const finish = this.#finish ?? { reason: 'Stop', raw: '' };
    this.#finish = finish;
    const status = this.#isIncomplete(finish) ? 'incomplete' : 'completed';
    this.#items.close(status);
    this.#say(`response.${status}`, `"response":${this.#response(status)}`);
  }

  #isIncomplete(finish: Finish): boolean {
    return incompleteReason(finish, this.#items.refused) !== undefined;
  }

  #response(status: 'in_progress' | 'completed' | 'incomplete'): JsonText {
    const state = {
      id: this.#id,
      model: this.#model,
      status,
      output: this.#items.output,
      usage: status === 'in_progress' ? undefined : this.#usage,
      serviceTier: this.#serviceTier,
      finish: status === 'in_progress' ? undefined : this.#finish,
      refused: this.#items.refused,
    };
    return responseObject(state, this.#context);
  }

  #newItems(): StreamItems {
    return new StreamItems(itemSeed(this.#id), (type, members) => this.#say(type, members));
  }

  #say(type: string, members: string): void {
    this.#text += writeEvent(type, this.#sequence++, members);
  }
}

/** What item ids are made of. */
export const itemSeed = (id: string): string => id.slice('resp_'.length);

/** Chat keeps tokens of text and of refusals apart; here they stand with their part. */
export function tokensOf(logprobs: JsonText): JsonText[] {
  const node = readJson(Buffer.from(logprobs));
  const tokens: JsonText[] = [];
  for (const name of ['content', 'refusal']) {
    for (const token of node.at(name)?.elements() ?? []) tokens.push(token.raw);
  }
  return tokens;
}
