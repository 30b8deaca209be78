/** What readers share whose events are JSON payloads of a named kind: they are parsed once, for dispatch and translation both. */
import type { UpstreamError } from './dialect.ts';
import { EventReader } from './event-reader.ts';
import { isObject, type Json } from './json/parsed.ts';

export abstract class PayloadReader extends EventReader {
  /** Of the last event, for translation. */
  kind = '';
  payload: Json = {};

  protected override begin(): void {
    super.begin();
    this.kind = '';
    this.payload = {};
  }
}

/** Undefined: not a JSON object. */
export function parsePayload(data: Buffer): Json | undefined {
  try {
    const value: unknown = JSON.parse(data.toString());
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** `code` is `invalid_event` in a stream, `invalid_body` for a whole answer. */
export function unreadable(code: 'invalid_event' | 'invalid_body', message: string): UpstreamError {
  return { status: undefined, code, type: undefined, message };
}
