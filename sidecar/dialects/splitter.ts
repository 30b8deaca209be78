/** Whole events out of the bytes of a stream, whatever frames them. */

import type { WireReader } from './dialect.ts';
import { EventStreamSplitter } from './framing/event-stream.ts';
import { EVENT_LIMIT, HOLD_LIMIT, SseSplitter } from './sse.ts';

export type Splitter = SseSplitter | EventStreamSplitter;

/** `whole`: events must be read whole, because they are translated; others may be passed on in pieces where they are long. */
export function openSplitter({ framing }: WireReader, whole: boolean): Splitter {
  if (framing === 'aws') return new EventStreamSplitter();
  return whole ? new SseSplitter(EVENT_LIMIT, 'Fail') : new SseSplitter(HOLD_LIMIT, 'Forward');
}

/** Why nothing more can be read, for a splitter whose `kind` is `TooLong`. */
export function endOfReading(splitter: Splitter): string {
  const damage = splitter instanceof EventStreamSplitter ? splitter.damage : undefined;
  return damage ?? `an event is longer than ${EVENT_LIMIT} bytes`;
}
