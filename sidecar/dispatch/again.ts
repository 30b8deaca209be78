/** Tries on top of `maxAttempts`, where something of ours was in the way and not the provider. */
import type { Failure } from './failure.ts';
import type { DispatchParts } from './parts.ts';
import type { UpstreamCall } from './upstream-call.ts';

const MAX_EXTRA = 3;

export class Again {
  #extra = 0;
  #keysTried: string[] | undefined = undefined;

  /** Whether the same target is tried again at once, and with which key; a bounded number of times. */
  with(
    call: UpstreamCall,
    failure: Failure,
    parts: DispatchParts,
  ): { secret: string | undefined } | undefined {
    if (!this.isLeft) return undefined;
    const found = this.#keyFor(call, failure, parts);
    if (found) this.use();
    return found;
  }

  get isLeft(): boolean {
    return this.#extra < MAX_EXTRA;
  }

  use(): void {
    this.#extra++;
  }

  #keyFor(
    call: UpstreamCall,
    failure: Failure,
    parts: DispatchParts,
  ): { secret: string | undefined } | undefined {
    const { candidate } = call.attempt;
    if (failure.again === 'StaleSocket') return { secret: call.secret };
    if (failure.again === 'WithoutUsage') {
      parts.usage.refused(candidate);
      return { secret: call.secret };
    }
    // Keys rotate while requests are under way; a 401 is proof that nothing was done with the old one.
    if (failure.status !== 401 || call.secret === undefined || candidate.credential === undefined) {
      return undefined;
    }
    const secret = parts.keys.alternative(candidate.credential.id, call.secret);
    this.#keysTried ??= [];
    this.#keysTried.push(call.secret);
    return secret === undefined || this.#keysTried.includes(secret) ? undefined : { secret };
  }
}
