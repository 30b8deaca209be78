/** Who starts calls, what a call needs to know, and what it reports. */
import type { OutriderError } from '../../errors/table.ts';
import type { Attempt } from '../exchange.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { TimeoutsBody } from '../snapshot/schema.ts';
import type { Admission } from './breakers.ts';
import type { Failure } from './failure.ts';
import type { Flow } from './pace/flow.ts';
import type { Listening } from './pace/hush.ts';
import type { Receiver } from './receiver.ts';
import type { UpstreamCall } from './upstream-call.ts';
import type { UpstreamRequest } from './upstream-request.ts';
import type { Upstream } from './upstreams.ts';

export interface CallOwner {
  readonly requestId: string;
  readonly timeouts: TimeoutsBody;
  /** When the whole request must be over. */
  readonly requestBy: number;
  /** Set by the call: when `call.onDeadline` wants to be called. */
  deadline: number;
  now(): number;
  /** Picks what to do with a response by its status and type. */
  receive(call: UpstreamCall, head: ResponseHead): Receiver;
  failed(call: UpstreamCall, failure: Failure): void;
  succeeded(call: UpstreamCall): void;
  /** Of every attempt, and before anything else is said of its end. */
  ended(call: UpstreamCall): void;
  /** The whole request took too long, or the caller does not read. */
  timedOut(call: UpstreamCall, error: OutriderError): void;
  /** Something of ours went wrong after the attempt had ended well. */
  crashed(error: OutriderError): void;
  mayRepeatSent(): boolean;
}

export interface CallOptions {
  readonly attempt: Attempt;
  readonly upstream: Upstream;
  readonly request: UpstreamRequest;
  readonly admission: Admission;
  /** The key that is sent; undefined with none of ours. */
  readonly secret: string | undefined;
  readonly stream: boolean;
  /** On a connection of its own. */
  readonly fresh?: boolean;
  /** When this attempt's share of the time before commit is over. */
  readonly commitBy: number;
  /** The caller's own timeout, not the rule's, set that time. */
  readonly impatient: boolean;
  /** What the target normally takes set that time: how long, in milliseconds. 0 or absent: it did not. */
  readonly learnedMs?: number;
  /** Instead of the rule's. */
  readonly firstTokenMs?: number;
  /** Watches how fast the answer comes; absent: nobody does. */
  readonly flow?: Flow | undefined;
  /** Watches whether the target answers anybody; absent: it is waited for. */
  readonly listening?: Listening | undefined;
}
