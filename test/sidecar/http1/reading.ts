/** What a reader finds in an answer, however the answer comes. */
import { ResponseReader } from '../../../sidecar/http1/response-reader.ts';

export interface Read {
  status?: number;
  rawHeaders?: string[];
  body?: string;
  done?: boolean;
  surplus?: boolean;
  keepAlive?: boolean;
  error?: string;
}

export interface How {
  method?: string;
  /** Lengths of the pieces it comes in; the rest comes at once. */
  cuts?: readonly number[];
  /** The provider closes the connection behind it. */
  close?: boolean;
}

export function read(text: string, { method = 'POST', cuts = [], close = false }: How = {}): Read {
  const bytes = Buffer.from(text, 'latin1');
  const reader = new ResponseReader();
  reader.expect(method);
  const found: Read = {};
  const body: Buffer[] = [];
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    if (reader.done || reader.error || at === bytes.length) break;
    // The buffer is used again for what comes next.
    const arrived = Buffer.from(bytes.subarray(at, at + cut));
    at += arrived.length;
    reader.read(arrived);
    arrived.fill(0x21);
    if (reader.head) {
      found.status = reader.head.status;
      found.rawHeaders = reader.head.rawHeaders;
      found.keepAlive = reader.head.keepAlive;
    }
    if (reader.body) body.push(reader.body);
  }
  if (close && !reader.error) reader.close();
  if (body.length > 0) found.body = Buffer.concat(body).toString('latin1');
  if (reader.error) found.error = reader.error.code;
  else found.done = reader.done;
  if (reader.surplus || at < bytes.length) found.surplus = true;
  return found;
}
