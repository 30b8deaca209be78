/** A whole answer out of its events. */
import type { Emit } from './block-sequence.ts';
import type { Block } from './request.ts';
import type { ChatChoice, ChatEvent, ChatResponse, OpenBlock } from './response.ts';

/** `tell` is called once and says all events of an answer. */
export function collect(tell: (emit: Emit) => void): ChatResponse {
  const collector = new Collector();
  tell((event) => collector.take(event));
  return collector.response;
}

interface Open {
  open: OpenBlock;
  text: string;
  signature: { vendor: 'openai' | 'anthropic' | 'google' | 'bedrock'; value: string } | undefined;
  citations: string[];
}

class Collector {
  readonly response: ChatResponse = {
    id: undefined,
    model: undefined,
    choices: [],
    usage: undefined,
    rawUsage: undefined,
    serviceTier: undefined,
  };
  readonly #open = new Map<number, Open>();

  take(event: ChatEvent): void {
    const { response } = this;
    switch (event.type) {
      case 'Start':
        response.id = event.id;
        response.model = event.model;
        return;
      case 'BlockStart':
        this.#open.set(event.choice, { open: event.open, text: '', signature: undefined, citations: [] });
        return;
      case 'Delta':
        (this.#open.get(event.choice) as Open).text += event.text;
        return;
      case 'Signature':
        (this.#open.get(event.choice) as Open).signature = event.signature;
        return;
      case 'Citation':
        (this.#open.get(event.choice) as Open).citations.push(event.citation);
        return;
      case 'BlockStop':
        this.#choice(event.choice).blocks.push(blockOf(this.#open.get(event.choice) as Open));
        return;
      case 'Logprobs':
        this.#choice(event.choice).logprobs = event.logprobs;
        return;
      case 'Finish':
        this.#choice(event.choice).finish = event.finish;
        return;
      case 'Usage':
        response.usage = event.usage;
        response.rawUsage = event.rawUsage;
        response.serviceTier = event.serviceTier;
        return;
      case 'End':
        return;
    }
  }

  #choice(index: number): ChatChoice {
    const { choices } = this.response;
    while (choices.length <= index) choices.push({ blocks: [], finish: { reason: 'Other', raw: '' } });
    return choices[index] as ChatChoice;
  }
}

function blockOf({ open, text, signature, citations }: Open): Block {
  switch (open.type) {
    case 'Text':
      return {
        type: 'Text',
        text,
        ...(citations.length > 0 ? { citations: `[${citations.join(',')}]` } : {}),
      };
    case 'Thinking':
      return { type: 'Thinking', text, ...(signature ? { signature } : {}) };
    case 'Refusal':
      return { type: 'Refusal', text };
    case 'ToolCall':
      return { ...open, arguments: text };
    case 'RedactedThinking':
    case 'Native':
      return open;
  }
}
