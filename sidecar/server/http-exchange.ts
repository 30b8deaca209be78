/** The one object per request: what `exchange.ts` promises, and the few things the server itself keeps with it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LearnedUsage } from '../accounting/learned-usage.ts';
import { settle } from '../accounting/settle.ts';
import type { Settlement } from '../accounting/usage.ts';
import type { Dialect } from '../dialects/dialect.ts';
import type { Envelope } from '../dialects/envelope.ts';
import type { Attempt, CopyResult, Exchange, Outcome } from '../exchange.ts';
import { freeBytes } from '../limits/free-bytes.ts';
import type { MemoryHold } from '../limits/memory-budget.ts';
import type { RatePass } from '../limits/rates/pass.ts';
import { PROVIDER_TYPES } from '../providers/types.ts';
import type { Candidate, Plan, RequestFacts, Step } from '../routing/plan.ts';
import type { TableRule } from '../routing/table.ts';
import { TYPE_DEFAULTS } from '../snapshot/provider-types.ts';

const NO_BODY = Buffer.alloc(0);
const NO_STEPS: Step[] = [];

export class HttpExchange implements Exchange {
  readonly id: string;
  readonly req: IncomingMessage;
  /** The caller's; the cache puts another one in its place while an answer may go to several. */
  res: ServerResponse;
  readonly startedAt: number;
  readonly startedWall: number;
  readonly method: string;
  path = '';
  query = '';
  allowedOrigin: string | undefined = undefined;
  dialect: Dialect;
  envelope: Envelope | undefined = undefined;
  head: Exchange['head'] = undefined;
  bodyShared = false;
  facts: RequestFacts | undefined = undefined;
  whole: Envelope | undefined = undefined;
  savedTokens: number | undefined = undefined;
  shownPrompt: string | undefined = undefined;
  internal: Exchange['internal'] = undefined;
  payer: Exchange | undefined = undefined;
  /** What becomes of the rule that matches: it may be another for what is answered later. Throws where it may not go by it. */
  adapt: ((rule: TableRule, route: string) => TableRule) | undefined = undefined;
  asked: Exchange[] | undefined = undefined;
  chargedTo: string | undefined = undefined;
  copies: CopyResult[] | undefined = undefined;
  route: string | undefined = undefined;
  modelPattern: string | undefined = undefined;
  steps: Step[] = NO_STEPS;
  plan: Plan | undefined = undefined;
  cache: Exchange['cache'] = undefined;
  rates: RatePass | undefined = undefined;
  attempts: Attempt[] = [];
  committedAt: number | undefined = undefined;
  warnings: string[] = [];
  outcome: Outcome | undefined = undefined;
  /** Reserved for the request body. */
  readonly hold: MemoryHold;
  private readonly learned: LearnedUsage;

  constructor(
    id: string,
    req: IncomingMessage,
    res: ServerResponse,
    dialect: Dialect,
    hold: MemoryHold,
    learned: LearnedUsage,
  ) {
    this.id = id;
    this.req = req;
    this.res = res;
    this.startedAt = performance.now();
    this.startedWall = Date.now();
    this.method = req.method ?? '';
    this.dialect = dialect;
    this.hold = hold;
    this.learned = learned;
  }

  releaseBody(unused = false): void {
    const { envelope } = this;
    if (envelope) {
      if (unused && !this.bodyShared) freeBytes(envelope.body);
      envelope.body = NO_BODY;
      if (this.whole) this.whole.body = NO_BODY;
    }
    this.head = undefined;
    this.hold.release();
  }

  /** The most output the request can have cost. */
  private reserve(model: string): number {
    const { envelope } = this;
    return (envelope?.maxOutputTokens ?? this.learned.outputReserve(model)) * (envelope?.choices ?? 1);
  }

  settle(attempt: Attempt): Settlement {
    if (attempt.settlement) return attempt.settlement;
    const model = modelKey(attempt.candidate);
    const estimated = this.facts?.inputTokens ?? 0;
    const settlement = settle(attempt, {
      free: this.dialect.operation === 'count_tokens',
      metered: this.dialect.operation !== 'passthrough',
      readUsage: (attempt.way?.wire ?? this.dialect).readUsage,
      quirks: attempt.way?.spoken.quirks,
      discounts: TYPE_DEFAULTS[attempt.candidate.provider.type].discounts,
      estimatedInput: this.learned.inputTokens(model, estimated),
      estimatedOutput: this.learned.outputTokens(model, attempt.outputBytes),
      reservedOutput: billsToTheEnd(attempt) ? this.reserve(model) : 0,
    });
    if (settlement.source === 'Provider') {
      this.learned.observe(model, estimated, attempt.outputBytes, settlement.usage);
    }
    attempt.settlement = settlement;
    return settlement;
  }
}

/** The connection was closed before the answer was whole, which stops neither the generating there nor the bill. */
function billsToTheEnd({ candidate, cancelled, failure }: Attempt): boolean {
  if (!cancelled && failure === undefined) return false;
  return PROVIDER_TYPES[candidate.provider.type].billsAfterDisconnect === true;
}

function modelKey(candidate: Candidate): string {
  return `${candidate.providerId} ${candidate.upstreamModel}`;
}
