/**
 * What an attempt needs before it can be sent, and does not always have: the code of a translation, the token of an identity,
 * the bytes behind a link. Most attempts have it all, and wait for nothing.
 */
import { OutriderError } from '../../errors/table.ts';
import type { Loss } from '../dialects/canonical/losses.ts';
import {
  type EmbedPair,
  isCrossing,
  loadTranslation,
  type OpenWay,
  openWay,
  type Way,
  wayTo,
} from '../dialects/pairing.ts';
import type { Exchange } from '../exchange.ts';
import type { MemoryHold } from '../limits/memory-budget.ts';
import type { Candidate } from '../routing/plan.ts';
import { Crossing } from './crossing.ts';
import { noteLosses } from './notes.ts';
import type { DispatchParts } from './parts.ts';
import type { Crossed } from './upstream-request.ts';

export class Preparation {
  readonly #exchange: Exchange;
  readonly #parts: DispatchParts;
  readonly #held: MemoryHold;
  #crossing: Crossing | undefined = undefined;
  #gathering: AbortController | undefined = undefined;

  constructor(exchange: Exchange, parts: DispatchParts, held: MemoryHold) {
    this.#exchange = exchange;
    this.#parts = parts;
    this.#held = held;
  }

  /** Undefined: everything is at hand. Rejects with OutriderError where something cannot be had. */
  gather(candidate: Candidate): Promise<void> | undefined {
    const identity = this.#parts.workloads.ready(candidate.credential);
    const way = this.#wayTo(candidate);
    const crossing = way?.crosses ? this.#gatherCrossing(way) : undefined;
    if (identity === undefined || crossing === undefined) return identity ?? crossing;
    return Promise.all([identity, crossing]).then(() => undefined);
  }

  /** Once everything is gathered. */
  way(candidate: Candidate): OpenWay {
    const way = this.#wayTo(candidate);
    // Routing keeps such targets out of every plan.
    if (way === undefined) throw new OutriderError('internal_error', { id: this.#exchange.id });
    return openWay(way);
  }

  /** The request in the vendor's dialect; undefined where that is the caller's. Throws `request_not_translatable`. */
  cross(way: OpenWay, candidate: Candidate): Crossed | undefined {
    const { embedding } = way;
    if (!isCrossing(way) && embedding === undefined) return undefined;
    const { crossed, losses } = isCrossing(way)
      ? this.#crossed().build(way, candidate)
      : this.#crossed().embed(embedding as EmbedPair, candidate);
    if (losses.length > 0) this.#lose(candidate, losses);
    return crossed;
  }

  /** The caller is gone: nothing more is fetched. */
  abort(): void {
    this.#gathering?.abort();
  }

  /** No other attempt will be made: a long stream must not keep the prompt. */
  forget(): void {
    this.#crossing = undefined;
  }

  #gatherCrossing(way: Way): Promise<void> | undefined {
    const loading = loadTranslation();
    if (loading !== undefined) return loading.then(() => this.#gatherMedia(way));
    try {
      return this.#gatherMedia(way);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #gatherMedia(way: Way): Promise<void> | undefined {
    return this.#crossed().gather(openWay(way), () => (this.#gathering ??= new AbortController()).signal);
  }

  #crossed(): Crossing {
    this.#crossing ??= new Crossing(this.#exchange, this.#held, this.#parts);
    return this.#crossing;
  }

  #wayTo(candidate: Candidate): Way | undefined {
    return wayTo(this.#exchange.dialect.name, this.#parts.upstreams.of(candidate).type);
  }

  #lose(candidate: Candidate, losses: readonly Loss[]): void {
    const { unsupportedParameters } = this.#exchange.plan?.rule ?? {};
    if (unsupportedParameters === 'Reject') {
      const lost = losses.map(({ parameter, detail }) => `${parameter} (${detail})`).join(', ');
      throw new OutriderError('request_not_translatable', { reason: `it would lose ${lost}` });
    }
    noteLosses(this.#exchange, candidate, losses, unsupportedParameters !== 'Drop');
  }
}
