/**
 * The stage between match and plan, for rules that keep answers. Loaded with the first configuration that has one. What it
 * cannot do it leaves: a fault of its own, or of a store beyond this process, is a miss and never an error.
 */
import type { CanarySteps } from '../routing/experiment/canary-steps.ts';
import type { RoutingTable } from '../routing/table.ts';
import { outriderHeaders } from '../server/response-headers.ts';
import type { Clock } from '../snapshot/clock.ts';
import type { CachedAnswer } from './answer.ts';
import type { Asked, Keyed } from './asked.ts';
import { BYPASS_WORDS, type Bypass, bypassOf, controlOf } from './cacheable.ts';
import { Delivery } from './delivery.ts';
import { Flights } from './flights.ts';
import { identify, partName, scopeName, type Tenant } from './identity.ts';
import { exactKey } from './key.ts';
import { note, outcomeOf, paceOf, planOf } from './notes.ts';
import { permitted } from './permitted.ts';
import type { SemanticAnswers } from './semantic/semantic.ts';
import type { SharedAnswers } from './shared/shared.ts';
import { AnswerStore } from './store.ts';

export interface CacheParts {
  clock: Clock;
  maxBytes: number;
  tenant: Tenant;
  canaries: Pick<CanarySteps, 'percent'>;
  /** Answers that several sidecars share. Unset: none. */
  shared?: SharedAnswers | undefined;
  /** Counts a request that is not asked for against the limits of its rule; throws what refuses it. */
  admit?: (asked: Asked) => void;
  /** Answers by meaning. */
  semantic: (store: AnswerStore) => SemanticAnswers;
}

export class AnswerCache {
  readonly store: AnswerStore;
  readonly #parts: CacheParts;
  readonly #flights: Flights;
  readonly #semantic: SemanticAnswers;

  constructor(parts: CacheParts) {
    const { clock, maxBytes } = parts;
    this.#parts = parts;
    this.store = new AnswerStore({
      maxBytes,
      wall: () => clock.wall(),
      onGone: (part, key) => this.#semantic.gone(part, key),
    });
    this.#semantic = parts.semantic(this.store);
    this.#flights = new Flights({
      clock,
      store: this.store,
      find: (asked) => this.#beyond(asked),
      keep: (asked, answer) => this.#keep(asked, answer),
      answer: (asked, answer) => this.#answer(asked, answer),
      again: (asked) => this.serve(asked),
      ...(parts.admit && { admit: parts.admit }),
    });
  }

  /** Rules of other configurations are forgotten. */
  apply(table: RoutingTable): void {
    const parts = new Set<string>();
    for (const route of table.routes) {
      for (const rule of route.rules) if (rule.body.cache) parts.add(partName(route, rule));
    }
    this.store.retain(parts);
  }

  async serve(asked: Asked): Promise<void> {
    const keyed = this.#key(asked);
    if (typeof keyed === 'string') {
      asked.exchange.cache = { result: 'Bypass', why: keyed };
      note(asked.exchange, 'Bypass', BYPASS_WORDS[keyed]);
      return await asked.send();
    }
    const hit = keyed.cache.exact && this.#fresh(keyed, this.store.get(keyed.part, keyed.key));
    await (hit ? this.#answer(keyed, hit) : this.#flights.fly(keyed));
  }

  #key(asked: Asked): Keyed | Bypass {
    const { exchange, facts, route, rule } = asked;
    const { envelope } = exchange;
    const { cache } = rule.body;
    if (!cache || !envelope) return 'Endpoint';
    const bypass = bypassOf(cache, rule.body, facts, envelope);
    if (bypass) return bypass;
    const control = controlOf(cache, facts);
    if (control.noStore) return 'NoStore';
    const { canaries, tenant } = this.#parts;
    const percent = rule.experiment ? canaries.percent(rule.experiment) : 0;
    const who = identify(exchange, facts, route, rule, { tenant, percent });
    if ('bypass' in who) return who.bypass;
    const key = exactKey(who.parts, envelope);
    return { ...asked, ...who, cache, control, part: partName(route, rule), key };
  }

  /** What of it may be given to this request now. */
  #fresh(
    { control, rule, facts, exchange }: Keyed,
    found: CachedAnswer | undefined,
  ): CachedAnswer | undefined {
    if (!found || control.noCache) return undefined;
    const age = this.#parts.clock.wall() - found.at;
    if (control.maxAgeMs !== undefined && age > control.maxAgeMs) return undefined;
    const giver = permitted(found, rule, facts);
    if (typeof giver !== 'string') return found;
    note(exchange, 'NotPermitted', giver);
    return undefined;
  }

  /** What others keep, or what was asked in other words; nobody waits for it beyond its time. */
  async #beyond(asked: Keyed): Promise<CachedAnswer | undefined> {
    if (asked.control.noCache) return undefined;
    const { cache, part, key } = asked;
    if (cache.exact && this.#parts.shared) {
      const found = this.#fresh(
        asked,
        await this.#parts.shared.get(this.#scope(asked), key, (late) => this.#put(asked, late)),
      );
      if (found) {
        this.#put(asked, found);
        return found;
      }
    }
    if (!cache.semantic) return undefined;
    const near = this.#fresh(asked, await this.#semantic.find(asked));
    // The same words again are found without asking for their vector.
    if (near && cache.exact) this.store.put(part, key, near, { maxBytes: cache.maxBytes });
    return near;
  }

  #keep(asked: Keyed, answer: CachedAnswer): void {
    const { cache, key } = asked;
    if (cache.exact) {
      this.#put(asked, answer);
      this.#parts.shared?.put(this.#scope(asked), key, answer);
    }
    if (cache.semantic) this.#semantic.keep(asked, answer);
  }

  #scope({ cache }: Keyed): string {
    return scopeName(cache, this.#parts.tenant);
  }

  #put({ cache, part, key }: Keyed, answer: CachedAnswer): void {
    this.store.put(part, key, answer, { maxBytes: cache.maxBytes });
  }

  async #answer(asked: Keyed, answer: CachedAnswer): Promise<void> {
    const { exchange, rule, facts } = asked;
    const { clock } = this.#parts;
    const giver = permitted(answer, rule, facts);
    if (typeof giver === 'string') return await this.#flights.fly(asked);
    this.#parts.admit?.(asked);
    const ageMs = Math.max(0, clock.wall() - answer.at);
    const { similarityPercent } = answer;
    exchange.plan = planOf(rule);
    exchange.cache = {
      result: 'Hit',
      by: similarityPercent === undefined ? 'Exact' : 'Semantic',
      ageMs,
      ...(similarityPercent !== undefined && { similarityPercent }),
      served: { candidate: giver, savedNanoUsd: answer.costNanoUsd },
    };
    exchange.warnings = [...exchange.warnings, ...answer.warnings];
    const how = similarityPercent === undefined ? 'the same request' : `${similarityPercent} % similar`;
    note(exchange, 'Hit', `${how}, answered ${Math.round(ageMs / 1000)} s ago by target ${answer.target}`);
    exchange.releaseBody(true);
    exchange.committedAt = clock.monotonic();
    const headers = [
      ...outriderHeaders(exchange),
      ...answer.headers,
      'age',
      String(Math.floor(ageMs / 1000)),
    ];
    if (!answer.streamed) headers.push('content-length', String(answer.body.length));
    const delivery = new Delivery(exchange.res, paceOf(asked, clock));
    delivery.head(200, headers);
    const { body } = answer;
    delivery.pull({ count: 1, only: body.length, piece: (index) => (index === 0 ? body : undefined) });
    const ending = await delivery.done;
    exchange.outcome = outcomeOf(delivery, ending, answer.streamed, clock);
  }
}
