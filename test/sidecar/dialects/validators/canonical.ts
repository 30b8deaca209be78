/** Holds canonical events to their rules. */
import type { ChatEvent, OpenBlock } from '../../../../sidecar/dialects/canonical/response.ts';

interface Choice {
  open: OpenBlock | undefined;
  blocks: number;
  finished: boolean;
}

/** Throws at the first event that breaks a rule. */
export class CanonicalValidator {
  readonly #choices = new Map<number, Choice>();
  #started = false;
  #ended = false;

  readonly take = (event: ChatEvent): void => {
    if (this.#ended) throw new Error(`${event.type} after End`);
    if (event.type === 'Start') {
      if (this.#started) throw new Error('a second Start');
      this.#started = true;
      return;
    }
    if (!this.#started) throw new Error(`${event.type} before Start`);
    if (event.type === 'End') {
      for (const [index, choice] of this.#choices) {
        if (!choice.finished) throw new Error(`End before choice ${index} finished`);
      }
      if (this.#choices.size === 0) throw new Error('End without a choice');
      this.#ended = true;
      return;
    }
    if (event.type === 'Usage') return;
    this.#inChoice(event);
  };

  end(): void {
    if (!this.#ended) throw new Error('no End');
  }

  #inChoice(event: Exclude<ChatEvent, { type: 'Start' | 'End' | 'Usage' }>): void {
    let choice = this.#choices.get(event.choice);
    if (choice === undefined)
      this.#choices.set(event.choice, (choice = { open: undefined, blocks: 0, finished: false }));
    if (choice.finished) throw new Error(`${event.type} after Finish of choice ${event.choice}`);
    if (event.type === 'Logprobs') {
      JSON.parse(event.logprobs);
    } else if (event.type === 'Finish') {
      if (choice.open) throw new Error('Finish inside a block');
      choice.finished = true;
    } else if (event.type === 'BlockStart') {
      if (choice.open) throw new Error('a block inside a block');
      if (event.block !== choice.blocks) throw new Error(`block ${event.block}, not ${choice.blocks}`);
      choice.open = event.open;
    } else {
      const { open } = choice;
      if (!open) throw new Error(`${event.type} outside of a block`);
      if (event.block !== choice.blocks)
        throw new Error(`${event.type} of block ${event.block}, not ${choice.blocks}`);
      if (event.type === 'BlockStop') {
        choice.open = undefined;
        choice.blocks++;
      } else if (event.type === 'Delta') {
        if (event.text === '') throw new Error('an empty Delta');
        if (open.type === 'RedactedThinking' || open.type === 'Native')
          throw new Error(`a Delta of ${open.type}`);
      } else if (event.type === 'Signature') {
        if (open.type !== 'Thinking' && open.type !== 'Text') throw new Error(`a Signature of ${open.type}`);
      } else if (open.type !== 'Text') {
        throw new Error(`a Citation of ${open.type}`);
      }
    }
  }
}
