/** What a vendor with a wire format of its own brings to the scripted provider. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Behaviour } from './behaviour.ts';

export interface VendorRequest {
  method: string;
  /** Without the query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export type VendorAnswer =
  | { kind: 'Refused'; status: number; body: string; headers?: Record<string, string> }
  | { kind: 'Whole'; body: string; headers: Record<string, string> }
  /** `headers` may name another content type than that of server-sent events. */
  | { kind: 'Stream'; events: (string | Buffer)[]; headers: Record<string, string> };

/** How a vendor words its failures. */
export interface FailureShape {
  error(failure: { status: number; message: string; type?: string; code?: string }): string;
  quota: { status: number; body: string };
  rateLimit: string;
  /** A 200 that breaks off inside its JSON. */
  garbage: string;
  /** An event that tells of a failure inside a stream. */
  inStream(code: string | undefined): string | Buffer;
  /** What keeps a silent stream alive. */
  ping: string | Buffer;
}

export interface Vendor {
  serves(request: VendorRequest): boolean;
  /** The key the request was sent with; empty where there is none. */
  key(headers: IncomingHttpHeaders): string;
  readonly shape: FailureShape;
  /** The answer to a wrong key. */
  readonly unauthorized: string;
  /** What it answers when nothing is wrong with it. */
  answer(request: VendorRequest, behaviour: Behaviour): VendorAnswer;
}
