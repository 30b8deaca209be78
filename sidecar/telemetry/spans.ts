/**
 * The spans of a finished request: SERVER for what the caller asked, CLIENT for the call over all its attempts, and one
 * CLIENT child for each attempt. The SDK comes in as an argument: it is loaded only where an exporter is configured.
 */
import type * as Api from '@opentelemetry/api';
import type { Attempt } from '../exchange.ts';
import { attemptResult, type Finished } from './finished.ts';
import type { KnownNames } from './known-names.ts';
import {
  attemptAttributes,
  callAttributes,
  callName,
  serverAttributes,
  serverFailed,
  serverName,
} from './span-attributes.ts';
import type { TraceParent } from './trace-context.ts';

export type OpenTelemetryApi = Pick<
  typeof Api,
  'createTraceState' | 'ROOT_CONTEXT' | 'SpanKind' | 'SpanStatusCode' | 'TraceFlags' | 'trace'
>;

/** Spans whose times are those the exchange recorded. */
export class SpanWriter {
  readonly #api: OpenTelemetryApi;
  readonly #tracer: Api.Tracer;

  constructor(api: OpenTelemetryApi, tracer: Api.Tracer) {
    this.#api = api;
    this.#tracer = tracer;
  }

  write(finished: Finished, names: KnownNames, parent: TraceParent | undefined): void {
    const { exchange, outcome } = finished;
    const { SpanKind } = this.#api;
    const time = (at: number): Api.HrTime => hrTime(exchange.startedWall + (at - exchange.startedAt));

    const server = this.#tracer.startSpan(
      serverName(exchange),
      {
        kind: SpanKind.SERVER,
        startTime: time(exchange.startedAt),
        attributes: serverAttributes(finished),
        root: parent === undefined,
      },
      this.#contextOf(parent),
    );
    const last = finished.last;
    if (last !== undefined) {
      const first = exchange.attempts[0] ?? last;
      const call = this.#tracer.startSpan(
        callName(exchange, last),
        {
          kind: SpanKind.CLIENT,
          startTime: time(first.startedAt),
          attributes: callAttributes(finished, last, names.provider(last.candidate.providerId)),
        },
        this.#under(server),
      );
      let end = outcome.endedAt;
      for (const [index, attempt] of exchange.attempts.entries()) {
        const provider = names.provider(attempt.candidate.providerId);
        const span = this.#tracer.startSpan(
          `attempt ${attempt.candidate.target.name}`,
          {
            kind: SpanKind.CLIENT,
            startTime: time(attempt.startedAt),
            attributes: attemptAttributes(attempt, index, exchange.method, provider),
          },
          this.#under(call),
        );
        addMoments(span, attempt, time);
        this.#failIf(span, attemptResult(attempt) !== 'OK');
        const ended = attempt.endedAt ?? outcome.endedAt;
        span.end(time(ended));
        // An attempt whose caller left may be read to its end for the bill.
        end = Math.max(end, ended);
      }
      this.#failIf(call, attemptResult(last) !== 'OK');
      call.end(time(end));
    }
    this.#failIf(server, serverFailed(finished));
    server.end(time(outcome.endedAt));
  }

  #failIf(span: Api.Span, failed: boolean): void {
    if (failed) span.setStatus({ code: this.#api.SpanStatusCode.ERROR });
  }

  #under(span: Api.Span): Api.Context {
    return this.#api.trace.setSpan(this.#api.ROOT_CONTEXT, span);
  }

  #contextOf(parent: TraceParent | undefined): Api.Context {
    const { trace, ROOT_CONTEXT, TraceFlags, createTraceState } = this.#api;
    if (parent === undefined) return ROOT_CONTEXT;
    return trace.setSpanContext(ROOT_CONTEXT, {
      traceId: parent.traceId,
      spanId: parent.spanId,
      traceFlags: parent.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
      isRemote: true,
      ...(parent.state !== '' && { traceState: createTraceState(parent.state) }),
    });
  }
}

function addMoments(span: Api.Span, attempt: Attempt, time: (at: number) => Api.HrTime): void {
  if (attempt.sentAt !== undefined) span.addEvent('outrider.request_sent', {}, time(attempt.sentAt));
  if (attempt.headersAt !== undefined)
    span.addEvent('outrider.headers_received', {}, time(attempt.headersAt));
  if (attempt.committedAt !== undefined) span.addEvent('outrider.committed', {}, time(attempt.committedAt));
}

/** Milliseconds since the epoch as seconds and nanoseconds; a plain number would pass for a monotonic time. */
function hrTime(ms: number): Api.HrTime {
  const seconds = Math.trunc(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
