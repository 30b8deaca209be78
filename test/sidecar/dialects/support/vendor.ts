/** A vendor's dialect as dispatch drives it: streams cut into chunks, requests written with what they lost. */
import { emptyRequest } from '../../../../sidecar/dialects/canonical/empty-request.ts';
import { type Loss, Losses } from '../../../../sidecar/dialects/canonical/losses.ts';
import type { ChatRequest, Turn } from '../../../../sidecar/dialects/canonical/request.ts';
import type { ChatEvent } from '../../../../sidecar/dialects/canonical/response.ts';
import type { Quirks, VendorFormat, WriteContext } from '../../../../sidecar/dialects/chat-format.ts';
import type { UpstreamError, WireReader } from '../../../../sidecar/dialects/dialect.ts';
import { EventStreamSplitter } from '../../../../sidecar/dialects/framing/event-stream.ts';
import { SseSplitter } from '../../../../sidecar/dialects/sse.ts';
import { CanonicalValidator } from '../validators/canonical.ts';

export interface Told {
  events: ChatEvent[];
  /** Of the reader. */
  error: UpstreamError | undefined;
  finished: boolean;
  terminal: boolean;
  /** Index of the event that commits; -1: none. */
  commitsAt: number;
  finishReasons: string[];
  usage: unknown;
  outputBytes: number;
  tail: string | undefined;
}

/** `cuts`: where the bytes are split. Events of a stream that ended well are checked. */
export function tell(
  wire: WireReader,
  vendor: VendorFormat,
  bytes: Buffer,
  cuts: readonly number[] = [],
  asked: Partial<ChatRequest> = {},
): Told {
  const splitter = wire.framing === 'aws' ? new EventStreamSplitter() : new SseSplitter();
  const reader = wire.openStream();
  const source = vendor.openReader({ ...emptyRequest(), ...asked });
  const validator = new CanonicalValidator();
  const told: Told = {
    events: [],
    error: undefined,
    finished: false,
    terminal: false,
    commitsAt: -1,
    finishReasons: [],
    usage: undefined,
    outputBytes: 0,
    tail: undefined,
  };
  const emit = (event: ChatEvent): void => {
    validator.take(event);
    told.events.push(event);
  };
  let count = 0;
  const drain = (): void => {
    while (splitter.next()) {
      if (splitter.kind !== 'Event') {
        told.tail = splitter.kind;
        continue;
      }
      if (!splitter.hasData) continue;
      const reading = reader.read(splitter.event, splitter.data);
      if (reading.commits && told.commitsAt < 0) told.commitsAt = count;
      count++;
      told.error ??= reading.error;
      told.finished = reading.finished;
      told.terminal = reading.terminal;
      told.usage = reading.usage ?? told.usage;
      told.outputBytes += reading.outputBytes;
      if (reading.error === undefined) source.read(splitter.data, reading, emit);
    }
  };
  const edges = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  for (let i = 1; i < edges.length; i++) {
    const chunk = bytes.subarray(edges[i - 1], edges[i]);
    if (chunk.length === 0) continue;
    splitter.push(Buffer.from(chunk));
    drain();
  }
  splitter.end();
  drain();
  told.finishReasons = [...reader.finishReasons];
  if (told.error === undefined && told.finished) {
    source.end(emit);
    validator.end();
  }
  return told;
}

export const sse = (...events: readonly unknown[]): Buffer =>
  Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join(''));

/** Same neighbours merged: what a caller ends up with, however the bytes were cut. */
export function joined(events: readonly ChatEvent[]): ChatEvent[] {
  const out: ChatEvent[] = [];
  for (const event of events) {
    const last = out.at(-1);
    if (
      event.type === 'Delta' &&
      last?.type === 'Delta' &&
      last.choice === event.choice &&
      last.block === event.block
    ) {
      out[out.length - 1] = { ...last, text: last.text + event.text };
    } else out.push(event);
  }
  return out;
}

export interface Written {
  text: string;
  body: Record<string, unknown>;
  losses: Loss[];
}

export interface Asking {
  model: string;
  quirks?: Quirks;
  maxOutputTokens?: number;
  media?: Record<string, { mediaType: string; data: string }>;
}

function contextOf({ model, quirks = {}, maxOutputTokens, media = {} }: Asking): WriteContext {
  return { model, quirks, maxOutputTokens, losses: new Losses(), media: (url) => media[url] };
}

export function write(vendor: VendorFormat, request: Partial<ChatRequest>, asking: Asking): Written {
  const context = contextOf(asking);
  const text = vendor.writeRequest({ ...emptyRequest(), ...request }, context).toString();
  return { text, body: JSON.parse(text) as Record<string, unknown>, losses: context.losses.list };
}

export const obstacleOf = (
  vendor: VendorFormat,
  request: Partial<ChatRequest>,
  asking: Asking,
): string | undefined => vendor.obstacle({ ...emptyRequest(), ...request }, contextOf(asking));

export const user = (text: string): Turn => ({ role: 'user', blocks: [{ type: 'Text', text }] });
export const assistant = (text: string): Turn => ({ role: 'assistant', blocks: [{ type: 'Text', text }] });
