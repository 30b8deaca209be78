/** A message of a vendor, whole or in events, as canonical events. */
import { OutriderError } from '../../../../errors/table.ts';
import { BlockSequence, type Emit } from '../../canonical/block-sequence.ts';
import { collect } from '../../canonical/collect.ts';
import { GatheredText } from '../../canonical/gathered-text.ts';
import type { ChatResponse, OpenBlock } from '../../canonical/response.ts';
import { isAnswerTool, isCustomTool, readText } from '../../canonical/tool-emulation.ts';
import type { Asked, Quirks } from '../../chat-format.ts';
import { type JsonNode, readJson } from '../../json/tape.ts';
import { object } from '../../json/write.ts';
import { readStop } from '../stop-reasons.ts';
import { readUsage } from '../usage.ts';

/** Characters of a block that has to be read as a whole before it can be told. */
const MAX_HELD = 4 * 1024 * 1024;

/** What the pieces of the open block are. Held: told when the block is complete. */
type Filling = 'Text' | 'Thinking' | 'Arguments' | 'Answer' | 'HeldText' | 'HeldNative' | 'None';

/** Blocks in the order in which the vendor begins and ends them: one after the other, as this API has it. */
export class AnswerReader {
  readonly #asked: Asked;
  readonly #blocks = new BlockSequence(0);
  #filling: Filling = 'None';
  /** Input that stood in the start of a call; pieces replace it. */
  #given = '';
  #filled = false;
  readonly #held = new GatheredText();
  #native = '';
  #answered = false;
  #called = false;

  constructor(asked: Asked) {
    this.#asked = asked;
  }

  /** Characters kept of the block that is open. */
  get held(): number {
    return this.#held.length + this.#native.length + this.#given.length;
  }

  /** The start of a block, or a whole one. */
  begin(block: JsonNode, emit: Emit): void {
    this.end(emit);
    const type = block.at('type')?.text;
    this.#filled = false;
    switch (type) {
      case 'text':
        this.#filling = 'Text';
        this.fill(block.at('text')?.text ?? '', emit);
        for (const citation of block.at('citations')?.elements() ?? []) this.cite(citation.raw, emit);
        return;
      case 'thinking':
        this.#filling = 'Thinking';
        this.#blocks.open({ type: 'Thinking' }, emit);
        this.fill(block.at('thinking')?.text ?? '', emit);
        this.#sign(block.at('signature')?.text, emit);
        return;
      case 'redacted_thinking':
        this.#blocks.whole(
          { type: 'RedactedThinking', data: block.at('data')?.text ?? '', vendor: 'anthropic' },
          '',
          emit,
        );
        return;
      case 'tool_use':
        this.#beginCall(block, emit);
        return;
      case undefined:
        return;
      default:
        this.#filling = 'HeldNative';
        this.#native = block.raw;
    }
  }

  /** Text, thinking, or a piece of an input. */
  fill(text: string, emit: Emit): void {
    if (text === '') return;
    this.#filled = true;
    switch (this.#filling) {
      case 'Text':
        this.#blocks.text('Text', text, emit);
        return;
      case 'Answer':
        this.#blocks.text('Text', text, emit);
        return;
      case 'Thinking':
      case 'Arguments':
        this.#blocks.fill(text, emit);
        return;
      case 'HeldText':
      case 'HeldNative':
        if (this.#held.length + text.length > MAX_HELD) {
          throw new OutriderError('upstream_stream_broken', {
            target: 'of this request',
            reason: 'a block is too long',
          });
        }
        this.#held.add(text);
        return;
      case 'None':
        return;
    }
  }

  /** A piece without a start: some servers that imitate this API leave it out. */
  fillAs(filling: 'Text' | 'Thinking', text: string, emit: Emit): void {
    if (this.#filling !== filling) {
      this.end(emit);
      this.#filling = filling;
      if (filling === 'Thinking') this.#blocks.open({ type: 'Thinking' }, emit);
    }
    this.fill(text, emit);
  }

  #sign(value: string | undefined, emit: Emit): void {
    if (!value || this.#filling !== 'Thinking') return;
    this.#filling = 'None';
    this.#blocks.signature({ vendor: 'anthropic', value }, emit);
  }

  sign(value: string, emit: Emit): void {
    this.#sign(value, emit);
  }

  cite(citation: string, emit: Emit): void {
    if (this.#filling === 'Text') this.#blocks.citation(citation, emit);
  }

  end(emit: Emit): void {
    const filling = this.#filling;
    this.#filling = 'None';
    if (!this.#filled && this.#given !== '') {
      if (filling === 'Answer') this.#blocks.text('Text', this.#given, emit);
      else if (filling === 'Arguments') this.#blocks.fill(this.#given, emit);
      else if (filling === 'HeldText') this.#held.add(this.#given);
    }
    if (filling === 'HeldText') this.#blocks.fill(readText(this.#held.text), emit);
    if (filling === 'HeldNative')
      this.#blocks.whole({ type: 'Native', vendor: 'anthropic', json: this.#wholeNative() }, '', emit);
    this.#blocks.close(emit);
    this.#given = '';
    this.#held.clear();
    this.#native = '';
  }

  finish(raw: string, sequence: string | undefined, emit: Emit): void {
    this.end(emit);
    const finish = readStop(raw, sequence);
    // The only call was the answer itself.
    if (finish.reason === 'ToolCalls' && this.#answered && !this.#called) finish.reason = 'Stop';
    this.#blocks.finish(finish, emit);
  }

  #beginCall(block: JsonNode, emit: Emit): void {
    const name = block.at('name')?.text ?? '';
    const input = block.at('input');
    this.#given = input?.isObject && !isEmpty(input) ? input.raw : '';
    if (isAnswerTool(name, this.#asked)) {
      this.#filling = 'Answer';
      this.#answered = true;
      return;
    }
    this.#called = true;
    const open: OpenBlock = { type: 'ToolCall', id: block.at('id')?.text ?? '', name };
    if (isCustomTool(name, this.#asked)) {
      open.custom = true;
      this.#filling = 'HeldText';
    } else {
      this.#filling = 'Arguments';
    }
    this.#blocks.open(open, emit);
  }

  /** The block as it began, with the input that came in pieces. */
  #wholeNative(): string {
    if (this.#held.length === 0) return this.#native;
    const members = [...readJson(Buffer.from(this.#native)).members()].map(([name, value]) => [
      name,
      value.raw,
    ]);
    return object({ ...Object.fromEntries(members), input: this.#held.text });
  }
}

const isEmpty = (node: JsonNode): boolean => node.members().length === 0;

/** A whole message. Throws `upstream_failed` where it is none. */
export function readMessage(body: Buffer, asked: Asked, quirks: Quirks | undefined): ChatResponse {
  const message = readJson(body);
  const content = message.at('content');
  if (!content?.isArray) {
    throw new OutriderError('upstream_failed', {
      target: 'of this request',
      reason: 'its answer has no content',
    });
  }
  return collect((emit) => {
    const rawUsage = message.at('usage')?.value();
    const usage = readUsage(rawUsage, quirks);
    emit({ type: 'Start', id: message.at('id')?.text, model: message.at('model')?.text, usage, rawUsage });
    const reader = new AnswerReader(asked);
    for (const block of content.elements()) reader.begin(block, emit);
    reader.finish(message.at('stop_reason')?.text ?? '', message.at('stop_sequence')?.text, emit);
    if (usage) emit({ type: 'Usage', usage, rawUsage, serviceTier: tierOf(rawUsage) });
    emit({ type: 'End' });
  });
}

/** The tier that served; a word other dialects know. */
export function tierOf(rawUsage: unknown): string | undefined {
  const tier = (rawUsage as { service_tier?: unknown } | undefined)?.service_tier;
  return tier === 'standard' ? 'default' : typeof tier === 'string' ? tier : undefined;
}
