/** What a translation could not keep. Nothing is dropped in silence: every loss is named to the caller. */

export interface Loss {
  /** As the caller knows it, such as `logit_bias` or `messages[].image_url.detail`. Never a value. */
  parameter: string;
  /** Dropped: the vendor does not hear of it. Changed: it hears something near. */
  how: 'Dropped' | 'Changed';
  /** A few words, such as `anthropic has no logit_bias`. */
  detail: string;
}

/** A request names few parameters; more losses than this are one of a kind. */
const MAX_LOSSES = 32;

export class Losses {
  readonly list: Loss[] = [];

  dropped(parameter: string, detail: string): void {
    this.#add({ parameter, how: 'Dropped', detail });
  }

  changed(parameter: string, detail: string): void {
    this.#add({ parameter, how: 'Changed', detail });
  }

  #add(loss: Loss): void {
    if (this.list.length >= MAX_LOSSES) return;
    if (!this.list.some(({ parameter, how }) => parameter === loss.parameter && how === loss.how)) {
      this.list.push(loss);
    }
  }
}
