/** What readers share whose events are JSON payloads of a named kind: they are parsed once, for dispatch and translation both. */
import type { ServiceTier } from '../accounting/service-tier.ts';
import type { EventReading, StreamReader, UpstreamError } from './dialect.ts';

export type Payload = Record<string, unknown>;

/** One object per stream is reader and reading. Streams are never asked for usage, so none has to be taken out again. */
export abstract class PayloadReader implements StreamReader, EventReading {
  model: string | undefined = undefined;
  responseId: string | undefined = undefined;
  finishReasons: string[] = [];
  serviceTier: ServiceTier | undefined = undefined;

  commits = false;
  content = false;
  terminal = false;
  finished = false;
  error: UpstreamError | undefined = undefined;
  usage: unknown = undefined;
  outputBytes = 0;
  readonly usageOnly = false;
  /** Of the last event, for translation. */
  kind = '';
  payload: Payload = {};

  abstract read(event: Buffer, data: Buffer): EventReading;

  withoutUsage(event: Buffer): Buffer {
    return event;
  }

  /** Before an event is read. */
  protected reset(): void {
    this.commits = false;
    this.content = false;
    this.error = undefined;
    this.usage = undefined;
    this.outputBytes = 0;
    this.kind = '';
    this.payload = {};
  }
}

/** Undefined: not a JSON object. */
export function parsePayload(data: Buffer): Payload | undefined {
  try {
    const value: unknown = JSON.parse(data.toString());
    return isPayload(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isPayload(value: unknown): value is Payload {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `code` is `invalid_event` in a stream, `invalid_body` for a whole answer. */
export function unreadable(code: 'invalid_event' | 'invalid_body', message: string): UpstreamError {
  return { status: undefined, code, type: undefined, message };
}
