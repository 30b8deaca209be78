/**
 * Shortens conversations. What stays, stays byte for byte, and the shortened body is read anew by the reader of its dialect:
 * all that comes after, the cache, the plan, translation and reserving, sees nothing else.
 */
import type { Dialect } from '../dialects/dialect.ts';
import type { Envelope } from '../dialects/envelope.ts';
import type { RequestFacts, Step } from '../routing/plan.ts';
import type { TableRoute, TableRule } from '../routing/table.ts';
import type { HttpExchange } from '../server/http-exchange.ts';
import type { ContextBody } from '../snapshot/shapes/context.ts';
import type { ContextParts } from './door.ts';
import { factsAgain } from './facts-again.ts';
import { noteContext } from './notes.ts';
import { type Outline, outlineOf, type Shortened, shortened, wantsSummary } from './shorten.ts';
import { type Subject, Summaries, type Summary } from './summaries.ts';

/** What would be sent of a request, for an explanation. */
export interface ShownContext {
  readonly facts: RequestFacts;
  readonly body: Buffer;
  readonly steps: Step[];
}

export class Shaper {
  readonly #parts: ContextParts;
  readonly #summaries: Summaries;

  constructor(parts: ContextParts) {
    this.#parts = parts;
    this.#summaries = new Summaries(parts.ask, parts.clock);
  }

  async shape(
    exchange: HttpExchange,
    route: TableRoute,
    rule: TableRule,
    context: ContextBody,
  ): Promise<void> {
    const { envelope, facts, dialect } = exchange;
    if (!envelope || !facts) return;
    const outline = this.#parts.parse.run(envelope.body.length, () => outlineOf(envelope, dialect, facts));
    if (!outline) return;
    const subject = { route, rule, facts, parent: exchange };
    const summary = await this.#summaryFor(subject, context, outline, exchange);
    const made = shortened(envelope, dialect, outline, context, summary);
    if (!made) return;
    this.#put(exchange, made, rule);
    const lossy = made.left > 0 || made.summary === undefined;
    noteContext(exchange, made.summary ? 'Summarised' : 'Shortened', made.detail, lossy);
  }

  /** The same without asking anybody: what is remembered of summaries counts. Undefined: it is sent whole. */
  show(
    subject: Omit<Subject, 'parent'>,
    context: ContextBody,
    envelope: Envelope,
    sent: { method: string; path: string; rawHeaders: readonly string[]; dialect: Dialect },
  ): ShownContext | undefined {
    const { facts } = subject;
    const outline = outlineOf(envelope, sent.dialect, facts);
    if (!outline) return undefined;
    const notes = { steps: [] as Step[], warnings: [] };
    let summary: Summary | 'Pass' | 'Truncate' | undefined;
    if (context.summarize && wantsSummary(context.summarize, outline)) {
      const { summarize } = context;
      const older = outline.turns.length - summarize.keepLast;
      const found = this.#summaries.peek({ ...subject, parent: undefined }, summarize, outline.turns, older);
      summary = found ?? summarize.onFailure ?? 'Truncate';
      if (!found) {
        const detail = `${summarize.target.model ?? ''} is asked for a summary of ${older} turns; shown is what follows without one`;
        noteContext(notes, 'NoSummary', detail, false);
      }
    }
    const made = shortened(envelope, sent.dialect, outline, context, summary);
    if (!made) return undefined;
    noteContext(notes, made.summary ? 'Summarised' : 'Shortened', made.detail, false);
    const again = factsAgain(facts, { ...sent, envelope: made.envelope }, true);
    return { facts: again, body: made.envelope.body, steps: notes.steps };
  }

  async #summaryFor(
    subject: Subject,
    { summarize }: ContextBody,
    outline: Outline,
    exchange: HttpExchange,
  ): Promise<Summary | 'Pass' | 'Truncate' | undefined> {
    if (!summarize || !wantsSummary(summarize, outline)) return undefined;
    const { turns } = outline;
    const older = turns.length - summarize.keepLast;
    const known = this.#summaries.peek(subject, summarize, turns, older);
    if (known && (known.turns === older || outline.tokensWith(known) <= summarize.afterTokens)) return known;
    const made = await this.#summaries.make(subject, summarize, turns, older, known);
    if ('turns' in made) return made;
    noteContext(exchange, 'NoSummary', `no summary of ${older} turns: ${made.failed}`, false);
    return known ?? summarize.onFailure ?? 'Truncate';
  }

  #put(exchange: HttpExchange, made: Shortened, { body: rule }: TableRule): void {
    const { envelope, facts, hold, method, path, req, dialect } = exchange;
    if (!envelope || !facts) return;
    // Both are in memory until the request is sent.
    if (!hold.grow(made.envelope.body.length)) throw hold.full();
    const knownByBeginning = rule.affinity !== undefined || rule.experiment !== undefined;
    const { parse } = this.#parts;
    const sent = { method, path, rawHeaders: req.rawHeaders, dialect, envelope: made.envelope, parse };
    // A cap of the rule is not in the body.
    made.envelope.maxOutputTokens = envelope.maxOutputTokens;
    exchange.facts = factsAgain(facts, sent, knownByBeginning);
    exchange.whole = envelope;
    exchange.envelope = made.envelope;
    exchange.savedTokens = made.savedTokens;
  }
}
