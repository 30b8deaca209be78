/** A stream nobody reads: every event is progress, the end of the stream is its end. */
import type { EventReading, StreamReader } from './dialect.ts';

export class RawStreamReader implements StreamReader, EventReading {
  readonly model = undefined;
  readonly responseId = undefined;
  readonly finishReasons: string[] = [];
  readonly commits = true;
  readonly content = true;
  readonly terminal = false;
  readonly finished = true;
  readonly error = undefined;
  readonly usage = undefined;
  readonly usageOnly = false;
  outputBytes = 0;

  read(_event: Buffer, data: Buffer): EventReading {
    this.outputBytes = data.length;
    return this;
  }

  withoutUsage(event: Buffer): Buffer {
    return event;
  }
}
