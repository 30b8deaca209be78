/** Answers nobody reads. Of a stream every event is progress, and its end is the end. */
import type { CompleteReading, EventReading, StreamReader } from './dialect.ts';

export const UNREAD: CompleteReading = {
  error: undefined,
  usage: undefined,
  model: undefined,
  responseId: undefined,
  finishReasons: [],
  outputBytes: 0,
};

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
