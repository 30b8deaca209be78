/** What readers of streams share: one object per stream is reader and reading, so nothing is allocated per event. */
import type { ServiceTier } from '../accounting/service-tier.ts';
import type { EventReading, StreamReader, UpstreamError } from './dialect.ts';

export abstract class EventReader implements StreamReader, EventReading {
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
  usageOnly = false;

  abstract read(event: Buffer, data: Buffer): EventReading;

  /** For dialects in which usage is never asked for: there is nothing to take out again. */
  withoutUsage(event: Buffer, _data: Buffer, _reading: EventReading): Buffer | undefined {
    return event;
  }

  /** Forgets what was said of the event before; what holds of the stream stays. */
  protected begin(): void {
    this.commits = false;
    this.content = false;
    this.error = undefined;
    this.usage = undefined;
    this.outputBytes = 0;
    this.usageOnly = false;
  }
}

/** An event that cannot be read. */
export function invalidEvent(data: Buffer): UpstreamError {
  return { status: undefined, code: 'invalid_event', type: undefined, message: shown(data) };
}

/** As much of a payload as an error repeats. */
export function shown(data: Buffer): string {
  return data.toString('utf8', 0, 200);
}

/** The marker that ends a stream of OpenAI. */
export function isDone(data: Buffer): boolean {
  return data.length >= 6 && data.length < 16 && data.toString('latin1').trim() === '[DONE]';
}
