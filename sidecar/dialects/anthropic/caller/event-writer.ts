/**
 * Canonical events as a stream of the Messages API: message_start, then one block after the other, then the stop reason with
 * the usage of the whole, then message_stop. The stop reason waits for the end, because vendors tell usage last.
 */

import type { Usage } from '../../../accounting/usage.ts';
import { portableId } from '../../canonical/portable-ids.ts';
import type { ChatEvent, Finish, OpenBlock } from '../../canonical/response.ts';
import { seal, sealCall } from '../../canonical/sealed.ts';
import type { AnswerContext, EventWriter } from '../../chat-format.ts';
import { type JsonText, json, object } from '../../json/write.ts';
import { headMembers } from './answer-head.ts';
import { Annotations, isOwnCitation } from './citations.ts';
import { finishMembers } from './write-finish.ts';
import { writeUsage } from './write-usage.ts';

type DeltaForm = 'Text' | 'Thinking' | 'Arguments' | 'Custom' | 'None';

export class AnthropicEventWriter implements EventWriter {
  readonly #context: AnswerContext;
  #started = false;
  #called = false;
  /** Of the next block: they count on over those of the vendor that come out as none, or as two. */
  #index = 0;
  #form: DeltaForm = 'None';
  /** A text block begins with its first piece: an empty one would be refused when it comes back. */
  #pending = false;
  #usage: Usage | undefined = undefined;
  #serviceTier: string | undefined = undefined;
  #finish: Finish | undefined = undefined;
  #signed = '';
  readonly #annotations = new Annotations();

  constructor(context: AnswerContext) {
    this.#context = context;
  }

  /** Characters kept of the answer. */
  get held(): number {
    return this.#annotations.held + this.#signed.length;
  }

  write(event: ChatEvent): string | undefined {
    if ('choice' in event && event.choice !== 0) return undefined;
    switch (event.type) {
      case 'Start':
        this.#usage = event.usage;
        return this.#start(event.id, event.model);
      case 'BlockStart':
        return this.#ensureStart() + this.#open(event.open);
      case 'Delta':
        return this.#delta(event.text);
      case 'Signature':
        return this.#signature(seal(event.signature, 'anthropic'));
      case 'Citation':
        return this.#citation(event.citation);
      case 'BlockStop':
        return this.#close();
      case 'Finish':
        this.#finish = event.finish;
        return undefined;
      case 'Usage':
        this.#usage = event.usage;
        this.#serviceTier = event.serviceTier;
        return undefined;
      case 'End':
        return this.#end();
      case 'Logprobs':
        return undefined;
    }
  }

  #start(id: string | undefined, model: string | undefined): string {
    if (this.#started) return '';
    this.#started = true;
    const message = object({
      ...headMembers(id, model, this.#context),
      content: '[]',
      stop_reason: 'null',
      stop_sequence: 'null',
      usage: writeUsage(this.#usage),
    });
    return sse('message_start', `"message":${message}`);
  }

  #ensureStart(): string {
    return this.#started ? '' : this.#start(undefined, undefined);
  }

  #open(open: OpenBlock): string {
    switch (open.type) {
      case 'Text':
      case 'Refusal':
        this.#form = 'Text';
        this.#pending = true;
        return '';
      case 'Thinking':
        this.#form = 'Thinking';
        return this.#startBlock('{"type":"thinking","thinking":"","signature":""}');
      case 'RedactedThinking': {
        this.#form = 'None';
        const data = seal({ vendor: open.vendor, value: open.data }, 'anthropic');
        return this.#startBlock(object({ type: '"redacted_thinking"', data: json(data) }));
      }
      case 'ToolCall': {
        this.#called = true;
        this.#form = open.custom ? 'Custom' : 'Arguments';
        const block = object({
          type: '"tool_use"',
          id: json(portableId(open.id)),
          name: json(open.name),
          input: '{}',
        });
        const sealed = open.signature ? this.#alone(sealCall(open.signature)) : '';
        const begin = sealed + this.#startBlock(block);
        return open.custom
          ? begin + this.#blockDelta('input_json_delta', 'partial_json', '"{\\"input\\":\\""')
          : begin;
      }
      case 'Native':
        this.#form = 'None';
        if (open.vendor !== 'anthropic') {
          this.#pending = true;
          return '';
        }
        return this.#startBlock(oneLine(open.json));
    }
  }

  #delta(text: string): string | undefined {
    switch (this.#form) {
      case 'Text': {
        const begin = this.#pending ? this.#startBlock('{"type":"text","text":""}') : '';
        return begin + this.#blockDelta('text_delta', 'text', json(text));
      }
      case 'Thinking':
        return this.#blockDelta('thinking_delta', 'thinking', json(text));
      case 'Arguments':
        return this.#blockDelta('input_json_delta', 'partial_json', json(text));
      case 'Custom':
        return this.#blockDelta('input_json_delta', 'partial_json', json(json(text).slice(1, -1)));
      case 'None':
        return undefined;
    }
  }

  /** That of a text goes behind it, in a block of its own: text has no place for one. */
  #signature(sealed: string): string | undefined {
    if (this.#form === 'Thinking') return this.#blockDelta('signature_delta', 'signature', json(sealed));
    this.#signed = sealed;
    return undefined;
  }

  #citation(citation: JsonText): string | undefined {
    if (this.#form !== 'Text') return undefined;
    if (!isOwnCitation(citation)) {
      this.#annotations.add(oneLine(citation));
      return undefined;
    }
    const begin = this.#pending ? this.#startBlock('{"type":"text","text":""}') : '';
    return begin + this.#blockDelta('citations_delta', 'citation', oneLine(citation));
  }

  #close(): string | undefined {
    const custom =
      this.#form === 'Custom' ? this.#blockDelta('input_json_delta', 'partial_json', '"\\"}"') : '';
    const annotations = this.#annotations.take();
    this.#form = 'None';
    let text = '';
    if (this.#pending) this.#pending = false;
    else text = custom + this.#stopBlock(annotations);
    const sealed = this.#signed;
    this.#signed = '';
    if (sealed !== '') text += this.#alone(sealed);
    return text === '' ? undefined : text;
  }

  #end(): string {
    const finish = this.#finish ?? { reason: 'Stop', raw: '' };
    const delta = `"delta":${object(finishMembers(finish, this.#called))}`;
    const usage = `"usage":${writeUsage(this.#usage, this.#serviceTier)}`;
    return this.#ensureStart() + sse('message_delta', `${delta},${usage}`) + sse('message_stop', '');
  }

  /** A signature without thinking, as a block. */
  #alone(sealed: string): string {
    return (
      this.#startBlock('{"type":"thinking","thinking":"","signature":""}') +
      this.#blockDelta('signature_delta', 'signature', json(sealed)) +
      this.#stopBlock(undefined)
    );
  }

  #startBlock(block: JsonText): string {
    this.#pending = false;
    return sse('content_block_start', `"index":${this.#index},"content_block":${block}`);
  }

  #blockDelta(type: string, member: string, value: JsonText): string {
    return sse(
      'content_block_delta',
      `"index":${this.#index},"delta":{"type":"${type}","${member}":${value}}`,
    );
  }

  #stopBlock(annotations: JsonText | undefined): string {
    const index = this.#index++;
    return sse(
      'content_block_stop',
      `"index":${index}${annotations === undefined ? '' : `,"annotations":${annotations}`}`,
    );
  }
}

/** Line breaks stand between the tokens of JSON only; an event's data is one line. */
const oneLine = (text: JsonText): JsonText => text.replace(/[\r\n]+/g, ' ');

function sse(type: string, members: string): string {
  return `event: ${type}\ndata: {"type":"${type}"${members === '' ? '' : ','}${members}}\n\n`;
}
