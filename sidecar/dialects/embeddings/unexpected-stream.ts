/** Stands where a vendor must not stream: any event is an error. */
import type { EventReading, StreamReader, UpstreamError } from '../dialect.ts';

const ERROR: UpstreamError = {
  status: undefined,
  code: 'invalid_event',
  type: undefined,
  message: 'the answer is a stream',
};

export class UnexpectedStreamReader implements StreamReader, EventReading {
  readonly model = undefined;
  readonly responseId = undefined;
  readonly finishReasons: string[] = [];
  readonly commits = false;
  readonly content = false;
  readonly terminal = false;
  readonly finished = false;
  readonly error = ERROR;
  readonly usage = undefined;
  readonly outputBytes = 0;
  readonly usageOnly = false;

  read(): EventReading {
    return this;
  }

  withoutUsage(event: Buffer): Buffer {
    return event;
  }
}
