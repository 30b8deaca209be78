/** Canonical events as the chunks of a chat completion stream. */
import type { Usage } from '../../../accounting/usage.ts';
import type { ChatEvent, Finish, OpenBlock } from '../../canonical/response.ts';
import type { AnswerContext, EventWriter } from '../../chat-format.ts';
import { array, type JsonText, json, object } from '../../json/write.ts';
import { annotation, isOpenAICitation } from './annotations.ts';
import { answerId } from './answer-id.ts';
import { ExtraContent, signedCall } from './write-extra-content.ts';
import { finishExtra, finishReason } from './write-finish.ts';
import { writeUsage } from './write-usage.ts';

/** Citations of one text block, and characters of them; a block that has more keeps the first. */
const MAX_CITATIONS = 1000;
const MAX_CITED = 256 * 1024;

/** One choice while it is streamed. */
class Choice {
  started = false;
  open: OpenBlock | undefined;
  /** Calls opened so far; the index of the open one is one less. */
  calls = 0;
  /** Arguments of the open call have been sent. */
  filled = false;
  refused = false;
  /** Characters of text sent, and where the open text block begins. */
  length = 0;
  blockStart = 0;
  citations: JsonText[] = [];
  /** Characters of them. */
  cited = 0;
  readonly extra = new ExtraContent();
}

export class ChatStreamWriter implements EventWriter {
  readonly #context: AnswerContext;
  readonly #choices = new Map<number, Choice>();
  readonly #legacy: boolean;
  #head = '';
  /** Behind the choices of every chunk but the last. */
  readonly #tail: string;
  #usage: Usage | undefined;
  #serviceTier: string | undefined;

  constructor(context: AnswerContext) {
    this.#context = context;
    this.#legacy = context.request.legacyFunctions === true;
    this.#tail = context.request.includeUsage ? '],"usage":null}\n\n' : ']}\n\n';
    this.#begin(undefined, undefined);
  }

  /** Characters kept of the answer. */
  get held(): number {
    let held = 0;
    for (const { extra, cited } of this.#choices.values()) held += extra.held + cited;
    return held;
  }

  write(event: ChatEvent): string | undefined {
    switch (event.type) {
      case 'Start':
        this.#begin(event.id, event.model);
        this.#usage = event.usage;
        return undefined;
      case 'Usage':
        this.#usage = event.usage;
        this.#serviceTier = event.serviceTier ?? this.#serviceTier;
        return undefined;
      case 'End':
        return this.#end();
      case 'Finish':
        return this.#finish(event.choice, event.finish);
      case 'Logprobs':
        return this.#chunk(event.choice, '{}', `,"logprobs":${event.logprobs}`);
      default:
        return this.#block(event, this.#choice(event.choice));
    }
  }

  #begin(id: string | undefined, model: string | undefined): void {
    const head = {
      id: json(answerId('chatcmpl-', id, this.#context)),
      object: json('chat.completion.chunk'),
      created: json(this.#context.now),
      model: json(model ?? this.#context.model),
    };
    this.#head = `data: ${object(head).slice(0, -1)}`;
  }

  #block(event: Extract<ChatEvent, { block: number }>, choice: Choice): string | undefined {
    switch (event.type) {
      case 'BlockStart':
        return this.#open(event.choice, choice, event.open);
      case 'Delta':
        return this.#delta(event.choice, choice, event.text);
      case 'Signature':
        choice.extra.sign(event.signature);
        return undefined;
      case 'Citation':
        this.#cite(choice, event.citation);
        return undefined;
      case 'BlockStop':
        return this.#close(event.choice, choice);
    }
  }

  #cite(choice: Choice, citation: JsonText): void {
    if (choice.citations.length >= MAX_CITATIONS || choice.cited + citation.length > MAX_CITED) return;
    choice.cited += citation.length;
    choice.citations.push(citation);
  }

  #open(index: number, choice: Choice, open: OpenBlock): string | undefined {
    choice.open = open;
    choice.filled = false;
    choice.blockStart = choice.length;
    switch (open.type) {
      case 'ToolCall':
        return this.#openCall(index, choice, open);
      case 'RedactedThinking':
        choice.extra.redacted(open.data, open.vendor);
        return undefined;
      case 'Native':
        choice.extra.native(open.json, open.vendor);
        return undefined;
      default:
        return undefined;
    }
  }

  #openCall(
    index: number,
    choice: Choice,
    call: Extract<OpenBlock, { type: 'ToolCall' }>,
  ): string | undefined {
    const at = choice.calls++;
    if (this.#legacy) {
      // One call is all this form can say.
      if (at > 0) return undefined;
      return this.#say(index, choice, `"function_call":{"name":${json(call.name)},"arguments":""}`, 'null');
    }
    const start = object({
      index: json(at),
      id: json(call.id),
      type: json(call.custom ? 'custom' : 'function'),
      function: call.custom ? undefined : `{"name":${json(call.name)},"arguments":""}`,
      custom: call.custom ? `{"name":${json(call.name)},"input":""}` : undefined,
      extra_content: signedCall(call.signature),
    });
    return this.#say(index, choice, `"tool_calls":[${start}]`, 'null');
  }

  #delta(index: number, choice: Choice, text: string): string | undefined {
    switch (choice.open?.type) {
      case 'Text':
        choice.length += text.length;
        return this.#say(index, choice, `"content":${JSON.stringify(text)}`, undefined);
      case 'Refusal':
        choice.refused = true;
        return this.#say(index, choice, `"refusal":${JSON.stringify(text)}`, 'null');
      case 'Thinking':
        choice.extra.thinking(text);
        return this.#say(index, choice, `"reasoning_content":${JSON.stringify(text)}`, 'null');
      case 'ToolCall':
        choice.filled = true;
        return this.#arguments(index, choice, text, choice.open.custom === true);
      default:
        return undefined;
    }
  }

  #arguments(index: number, choice: Choice, text: string, custom: boolean): string | undefined {
    const piece = JSON.stringify(text);
    if (this.#legacy) {
      return choice.calls > 1 ? undefined : this.#chunk(index, `{"function_call":{"arguments":${piece}}}`);
    }
    const body = custom ? `"custom":{"input":${piece}}` : `"function":{"arguments":${piece}}`;
    return this.#chunk(index, `{"tool_calls":[{"index":${choice.calls - 1},${body}}]}`);
  }

  #close(index: number, choice: Choice): string | undefined {
    const { open, citations } = choice;
    choice.open = undefined;
    if (open?.type === 'ToolCall') {
      // Clients parse arguments: nothing at all stands for no arguments.
      return choice.filled || open.custom ? undefined : this.#arguments(index, choice, '{}', false);
    }
    choice.extra.closeBlock();
    if (citations.length === 0) return undefined;
    choice.citations = [];
    choice.cited = 0;
    const written: JsonText[] = [];
    for (const citation of citations) {
      const known = annotation(citation, choice.blockStart, choice.length, 'Chat');
      if (known !== undefined) written.push(known);
      if (!isOpenAICitation(citation)) choice.extra.citation(citation);
    }
    return written.length === 0 ? undefined : this.#chunk(index, `{"annotations":${array(written)}}`);
  }

  /**
   * What clients are to echo stands here once: they put deltas together by appending, by replacing, or not at all, and one
   * piece comes out of each whole.
   */
  #finish(index: number, finish: Finish): string {
    const choice = this.#choice(index);
    const extra = choice.extra.render();
    const delta = extra === undefined ? '' : `"extra_content":${extra}`;
    const reason = finishReason(finish, choice.refused, this.#legacy);
    const own = finishExtra(finish, choice.refused);
    const rest = own === undefined ? '' : `,"extra_content":${own}`;
    const role = choice.started ? '' : `"role":"assistant","content":null${delta === '' ? '' : ','}`;
    choice.started = true;
    return `${this.#head},"choices":[{"index":${index},"delta":{${role}${delta}},"finish_reason":${json(reason)}${rest}}${this.#tail}`;
  }

  #end(): string {
    if (!this.#context.request.includeUsage || this.#usage === undefined) return 'data: [DONE]\n\n';
    const tier = this.#serviceTier === undefined ? '' : `,"service_tier":${json(this.#serviceTier)}`;
    return `${this.#head},"choices":[],"usage":${writeUsage(this.#usage)}${tier}}\n\ndata: [DONE]\n\n`;
  }

  /** A delta that goes with the role when it is the first. `content`: beside the role, where the delta has none of its own. */
  #say(index: number, choice: Choice, member: string, content: string | undefined): string {
    if (choice.started) return this.#chunk(index, `{${member}}`);
    choice.started = true;
    const beside = content === undefined ? '' : `"content":${content},`;
    return this.#chunk(index, `{"role":"assistant",${beside}${member}}`);
  }

  #chunk(index: number, delta: string, rest = ''): string {
    return `${this.#head},"choices":[{"index":${index},"delta":${delta},"finish_reason":null${rest}}${this.#tail}`;
  }

  #choice(index: number): Choice {
    let choice = this.#choices.get(index);
    if (!choice) this.#choices.set(index, (choice = new Choice()));
    return choice;
  }
}
