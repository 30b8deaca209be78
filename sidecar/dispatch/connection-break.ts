/** What it means that a connection broke: a pure question of when it broke and whether it had been used before. */
import { OutriderError } from '../../errors/table.ts';
import type { TransportEvent } from '../providers/failures.ts';

export interface Break {
  /** The system's or llhttp's word for it. */
  readonly code: string;
  readonly target: string;
  readonly connected: boolean;
  /** Response headers had come. */
  readonly answered: boolean;
  /** The connection had carried a request before. */
  readonly reused: boolean;
  /** The request is free to be repeated, or no byte of it left. */
  readonly mayRepeat: boolean;
}

export interface Judged {
  readonly event: TransportEvent;
  readonly code: string;
  readonly error: OutriderError;
  /**
   * The provider may have closed the connection while it was idle, which says nothing about the provider: the same target
   * is tried again at once, on a new connection.
   */
  readonly stale: boolean;
}

export function judgeBreak(broken: Break): Judged {
  const { code, target } = broken;
  if (broken.answered) {
    const error = new OutriderError('upstream_stream_broken', { target, reason: 'the connection broke' });
    return { event: 'Broken', code, error, stale: false };
  }
  if (!broken.connected) return { event: 'Connect', code, error: unreachable(target), stale: false };
  if (code.startsWith('HPE_')) {
    const error = new OutriderError('upstream_failed', { target, reason: 'its answer is not HTTP' });
    return { event: 'Malformed', code, error, stale: false };
  }
  const error = new OutriderError('upstream_failed', {
    target,
    reason: 'the connection broke before an answer',
  });
  return { event: 'Reset', code, error, stale: broken.reused && broken.mayRepeat };
}

export function unreachable(target: string): OutriderError {
  return new OutriderError('upstream_connect', { target });
}
