/** What it means that a deadline of a call has passed: which timeout it was, and who is to blame. */
import { OutriderError } from '../../errors/table.ts';
import { unreachable } from './connection-break.ts';
import { type Due, shown } from './timeouts.ts';
import type { UpstreamCall } from './upstream-call.ts';

/** Ends the call, or tells its owner; nothing where the deadline is no timeout. */
export function endOverdue(call: UpstreamCall, due: Due | undefined): void {
  const { owner } = call;
  const t = owner.timeouts;
  switch (due) {
    case 'Request':
      owner.timedOut(call, new OutriderError('request_timeout', { timeout: shown(t.requestMs) }));
      break;
    case 'Stall':
      owner.timedOut(call, new OutriderError('client_stalled', { timeout: shown(t.clientStallMs) }));
      break;
    case 'Connect':
      call.failTransport('Connect', 'timeout', unreachable(call.attempt.candidate.target.name));
      break;
    case 'Commit':
      if (call.learnedMs > 0) timeOut(call, 'learned', `learned ${shown(call.learnedMs)}`);
      else timeOut(call, 'commit', 'time before commit', !call.impatient);
      break;
    case 'Attempt':
      timeOut(call, 'attempt', `attempt ${shown(t.attemptMs)}`);
      break;
    case 'Progress':
      if (call.attempt.outputBytes > 0) timeOut(call, 'interToken', `interToken ${shown(t.interTokenMs)}`);
      else timeOut(call, 'firstToken', `firstToken ${shown(call.firstTokenMs)}`);
      break;
    default:
  }
}

/** `code` is for metrics, `timeout` for the caller. */
export function timeOut(call: UpstreamCall, code: string, timeout: string, counted = true): void {
  const target = call.attempt.candidate.target.name;
  const error = new OutriderError('upstream_timeout', { target, timeout });
  call.failTransport('Timeout', code, error, { counted });
}
