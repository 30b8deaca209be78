/** What a simulated provider does: how fast it answers at which time, what it charges for, and when it fails. */
import type { RequestFacts } from '../../sidecar/routing/plan.ts';

/** One request as it reaches a target. */
export interface Moment {
  /** Virtual milliseconds since the start of the simulation. */
  readonly now: number;
  readonly facts: RequestFacts;
  /** Being worked on at the target, this one included. */
  readonly inFlight: number;
  /** Id of the credential; empty on open servers. */
  readonly credential: string;
  /** In [0, 1), from the seed of the simulation. */
  readonly random: () => number;
}

/** A number, or a function of the moment. */
type Value = number | ((moment: Moment) => number);

export interface TargetScript {
  /** Milliseconds from the sent request to the first token; without its wait for a free place. */
  firstTokenMs: Value;
  /** Milliseconds per token after the first. Default 10. */
  tokenMs?: Value;
  /** Visible output of one answer. Default: what the workload says, or 50. */
  outputTokens?: Value;
  /** Billed and not shown; made before the first token, whose time includes them. Default 0. */
  reasoningTokens?: Value;
  /** Input read from the vendor's cache, in tokens. Default 0. */
  cacheReadTokens?: Value;
  /** Milliseconds until the connection stands. Default 1. */
  connectMs?: Value;
  /** Requests that are worked on at a time; further ones wait in turn. Default: any number. */
  places?: number;
  faults?: readonly Fault[];
  /** Refuses with 429 beyond so many requests per window and credential; `of`: where it differs, by id of the credential. */
  limit?: {
    readonly requests: number;
    readonly windowMs: number;
    readonly of?: Readonly<Record<string, number>>;
  };
}

/** Holds from `from` until `to` (virtual milliseconds). `share`: of requests, by chance; default all. */
export type Fault = { readonly from: number; readonly to: number; readonly share?: number } & (
  | { readonly kind: 'Refused' }
  /** Accepts and never answers. */
  | { readonly kind: 'Blackhole' }
  | { readonly kind: 'Status'; readonly status: number; readonly retryAfterMs?: number }
  /** The stream dies after so many tokens; 0: before the first, after the headers. */
  | { readonly kind: 'Dies'; readonly afterTokens: number }
  /** The stream stops after so many tokens and stays open. */
  | { readonly kind: 'Stalls'; readonly afterTokens: number }
);

/** What is going to happen to one request that has its place; times are from then. */
export type Course =
  | { readonly kind: 'Refused' }
  | { readonly kind: 'Blackhole' }
  | { readonly kind: 'Status'; readonly status: number; readonly retryAfterMs: number | undefined }
  | {
      readonly kind: 'Answers';
      readonly firstTokenMs: number;
      readonly tokenMs: number;
      readonly output: number;
      readonly reasoning: number;
      readonly cacheRead: number;
      /** Tokens after which it goes wrong; undefined: it comes whole. */
      readonly ends: { readonly after: number; readonly how: 'Dies' | 'Stalls' } | undefined;
    };

const DEFAULT_OUTPUT = 50;
const DEFAULT_TOKEN_MS = 10;

/** A target at work: its script, and what it remembers between requests. */
export class ScriptedTarget {
  readonly script: TargetScript;
  inFlight = 0;
  /** Requests that reached it. */
  requests = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #windows = new Map<string, { index: number; requests: number }>();

  constructor(script: TargetScript) {
    this.script = script;
  }

  connectMs(moment: Moment): number {
    return valueOf(this.script.connectMs, moment, 1);
  }

  /** Calls `begin` as soon as there is a place. What it gives back leaves the place, or the queue; once only. */
  enter(begin: () => void): () => void {
    const { places = Number.POSITIVE_INFINITY } = this.script;
    let is: 'Waiting' | 'Working' | 'Gone' = 'Waiting';
    const work = (): void => {
      is = 'Working';
      this.inFlight++;
      begin();
    };
    if (this.inFlight < places) work();
    else this.#waiting.push(work);
    return () => {
      if (is === 'Working') {
        this.inFlight--;
        this.#waiting.shift()?.();
      } else if (is === 'Waiting') {
        this.#waiting.splice(this.#waiting.indexOf(work), 1);
      }
      is = 'Gone';
    };
  }

  /** Decides what becomes of a request that arrives now. `asked`: output the workload wants, in tokens. */
  course(moment: Moment, asked: number | undefined): Course {
    this.requests++;
    const fault = this.#fault(moment);
    if (fault?.kind === 'Refused' || fault?.kind === 'Blackhole') return fault;
    if (fault?.kind === 'Status') {
      return { kind: 'Status', status: fault.status, retryAfterMs: fault.retryAfterMs };
    }
    const refused = this.#overLimit(moment);
    if (refused !== undefined) return { kind: 'Status', status: 429, retryAfterMs: refused };
    const { firstTokenMs, tokenMs, outputTokens, reasoningTokens, cacheReadTokens } = this.script;
    return {
      kind: 'Answers',
      firstTokenMs: valueOf(firstTokenMs, moment, 0),
      tokenMs: valueOf(tokenMs, moment, DEFAULT_TOKEN_MS),
      output: Math.max(1, Math.round(valueOf(outputTokens, moment, asked ?? DEFAULT_OUTPUT))),
      reasoning: Math.round(valueOf(reasoningTokens, moment, 0)),
      cacheRead: Math.min(moment.facts.inputTokens, Math.round(valueOf(cacheReadTokens, moment, 0))),
      ends: fault && { after: fault.afterTokens, how: fault.kind },
    };
  }

  #fault(moment: Moment): Fault | undefined {
    return this.script.faults?.find(
      ({ from, to, share }) =>
        moment.now >= from && moment.now < to && (share === undefined || moment.random() < share),
    );
  }

  /** Milliseconds until the window is over, where it has no room for another request. */
  #overLimit({ now, credential }: Moment): number | undefined {
    const { limit } = this.script;
    if (limit === undefined) return undefined;
    const index = Math.floor(now / limit.windowMs);
    const window = this.#windows.get(credential);
    if (window?.index !== index) {
      this.#windows.set(credential, { index, requests: 1 });
      return undefined;
    }
    const most = limit.of?.[credential] ?? limit.requests;
    if (window.requests >= most) return (index + 1) * limit.windowMs - now;
    window.requests++;
    return undefined;
  }
}

function valueOf(value: Value | undefined, moment: Moment, otherwise: number): number {
  if (value === undefined) return otherwise;
  return typeof value === 'number' ? value : value(moment);
}
