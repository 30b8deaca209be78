/**
 * Whether a provider's own batch API can do the work of a batch: every line must have one and the same provider that it can go
 * to, and nothing may be in force that holds for single requests only. Lines are planned without chance and without what is
 * observed, so that a line has the same target whenever it is asked for.
 */
import { OutriderError } from '../../../errors/table.ts';
import type { Dialect } from '../../dialects/dialect.ts';
import type { Envelope } from '../../dialects/envelope.ts';
import { wayTo } from '../../dialects/pairing.ts';
import { PROVIDER_TYPES } from '../../providers/types.ts';
import { buildFacts } from '../../routing/facts.ts';
import { plan } from '../../routing/make-plan.ts';
import { matchRule } from '../../routing/match-rule.ts';
import type { Candidate, HealthView, Plan, RequestFacts } from '../../routing/plan.ts';
import { routingState } from '../../routing/state.ts';
import type { TableRoute } from '../../routing/table.ts';
import type { ProviderTypeName } from '../../snapshot/schema.ts';
import type { NativeRecord } from '../records.ts';

/** A line that can go to a batch API. */
export interface NativeLine {
  plan: Plan;
  facts: RequestFacts;
  candidate: Candidate;
  style: NativeRecord['style'];
}

export interface Asked {
  path: string;
  dialect: Dialect;
  envelope: Envelope;
}

/** Whose API is known to be as its vendor describes it. */
const STYLES: Partial<Record<ProviderTypeName, NativeRecord['style']>> = {
  OpenAI: 'OpenAI',
  Groq: 'OpenAI',
  Anthropic: 'Anthropic',
};
/** Servers that may have one; only where the rule says so. */
const PERHAPS: ReadonlySet<ProviderTypeName> = new Set(['OpenAICompatible', 'VLLM']);
/** Of Groq: no other endpoint has batches. */
const CHAT_ONLY: ReadonlySet<ProviderTypeName> = new Set(['Groq']);
const HEADERS = ['content-type', 'application/json'];

export class NativeChoice {
  readonly #health: HealthView;
  #first: { candidate: Candidate; style: NativeRecord['style'] } | undefined;
  /** Why not; the first reason found. */
  #against: { reason: string; line: number } | undefined;
  #demanded = false;

  /** `hasCredential`: whether the value of a key is here. */
  constructor(hasCredential: (id: string) => boolean) {
    this.#health = { ejection: () => undefined, hasCredential };
  }

  /** Some rule says Native: what cannot be handed in natively is refused. */
  get demanded(): boolean {
    return this.#demanded;
  }

  /** Hears of every line. */
  each(asked: Asked, line: number, route: TableRoute): void {
    if (this.#against && this.#demanded) return;
    const found = this.plan(asked, route);
    if (typeof found === 'string') {
      this.#against ??= { reason: found, line };
      return;
    }
    const { candidate, style } = found;
    this.#first ??= { candidate, style };
    const first = this.#first.candidate;
    if (candidate.providerId !== first.providerId || candidate.credential?.name !== first.credential?.name) {
      const reason = `it goes to ${candidate.providerId}, an earlier line to ${first.providerId}`;
      this.#against ??= { reason, line };
    }
  }

  /** What was decided: a record to begin with, or why not. */
  get decision(): { native: NativeRecord } | { against: { reason: string; line: number } } {
    if (this.#against || !this.#first) {
      return { against: this.#against ?? { reason: 'no rule asks for it', line: 1 } };
    }
    const { candidate, style } = this.#first;
    return { native: { style, provider: candidate.providerId, credential: candidate.credential?.name } };
  }

  /** Where a line goes; or why it cannot, as a sentence. */
  plan({ path, dialect, envelope }: Asked, route: TableRoute): NativeLine | string {
    if (route.asks) return 'its rules ask signals of models, which only single requests do';
    const facts = buildFacts({ method: 'POST', path, rawHeaders: HEADERS, dialect, envelope });
    const matched = matchRule(route, facts);
    if (matched.error) return matched.error.message;
    const { rule } = matched;
    const { batch, name, rateLimits } = rule.body;
    if (batch === undefined) {
      return new OutriderError('batch_not_allowed', { rule: name, route: route.key }).message;
    }
    if (batch.mode === 'Native') this.#demanded = true;
    if (batch.mode === 'Emulated') return `rule ${name} has mode Emulated`;
    // What is handed in as one cannot be held to the pace that holds for each.
    if (rateLimits?.length) return `rule ${name} has rateLimits`;
    if (batch.window) return `rule ${name} has a window, which its provider would not keep to`;
    const planned = plan(rule, facts, this.#health, 0, () => 0, routingState());
    const [candidate] = planned.candidates;
    if (candidate === undefined) return `rule ${name} has no target that can serve it`;
    const style = this.#styleOf(candidate, batch.mode === 'Native', dialect);
    if (style === undefined) {
      return `${candidate.provider.name} has no batch API for ${path} that is known here`;
    }
    const others = rule.body.targets.find(({ provider }) => provider !== candidate.providerId);
    if (batch.mode === 'Auto' && others) return `rule ${name} also has targets at ${others.provider}`;
    return { plan: planned, facts, candidate, style };
  }

  #styleOf(
    { provider: { type }, credential }: Candidate,
    told: boolean,
    dialect: Dialect,
  ): NativeRecord['style'] | undefined {
    const style = STYLES[type] ?? (told && PERHAPS.has(type) ? 'OpenAI' : undefined);
    if (style === undefined || credential?.type === 'Passthrough') return undefined;
    const way = wayTo(dialect.name, PROVIDER_TYPES[type]);
    if (style === 'Anthropic') return way?.spoken.dialect === 'anthropic-messages' ? style : undefined;
    if (CHAT_ONLY.has(type) && dialect.name !== 'openai-chat') return undefined;
    return way?.crosses === false ? style : undefined;
  }
}
