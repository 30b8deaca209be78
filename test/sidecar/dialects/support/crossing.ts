/** A request and its answer crossing from the dialect of a caller to that of a vendor and back, as dispatch drives it. */
import { type Loss, Losses } from '../../../../sidecar/dialects/canonical/losses.ts';
import type { ChatRequest } from '../../../../sidecar/dialects/canonical/request.ts';
import type { CallerFormat, Quirks, VendorFormat } from '../../../../sidecar/dialects/chat-format.ts';
import type { WireReader } from '../../../../sidecar/dialects/dialect.ts';
import { SseSplitter } from '../../../../sidecar/dialects/sse.ts';
import { openTranslation, translateRequest } from '../../../../sidecar/dialects/translation.ts';
import { answerContext } from './caller.ts';

export interface Crossed {
  body: Record<string, unknown>;
  text: string;
  losses: Loss[];
  request: ChatRequest;
}

export function crossRequest(
  caller: CallerFormat,
  vendor: VendorFormat,
  body: unknown,
  quirks: Quirks = {},
): Crossed {
  const request = caller.readChat(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
  const losses = new Losses();
  const context = {
    model: 'vendor-model',
    maxOutputTokens: undefined,
    quirks,
    losses,
    media: () => undefined,
  };
  const text = translateRequest(request, vendor, context).toString();
  return { body: JSON.parse(text) as Record<string, unknown>, text, losses: losses.list, request };
}

export interface Side {
  wire: WireReader;
  vendor: VendorFormat;
}

/** The whole stream, translated. */
export function crossStream(
  caller: CallerFormat,
  { wire, vendor }: Side,
  bytes: Buffer,
  request: Partial<ChatRequest> = {},
): Buffer {
  const splitter = new SseSplitter();
  const reader = wire.openStream();
  const stream = openTranslation(caller, vendor, answerContext(request)).openStream();
  const out: Buffer[] = [];
  splitter.push(bytes);
  while (splitter.next()) {
    if (!splitter.hasData) continue;
    const reading = reader.read(splitter.event, splitter.data);
    if (reading.error) throw new Error(`${reading.error.code}: ${reading.error.message}`);
    const piece = stream.event(splitter.data, reading);
    if (piece) out.push(piece);
  }
  const last = stream.end();
  if (last) out.push(last);
  return Buffer.concat(out);
}

export function crossComplete(
  caller: CallerFormat,
  { wire, vendor }: Side,
  body: unknown,
  request: Partial<ChatRequest> = {},
): Record<string, unknown> {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const { error } = wire.readComplete(bytes);
  if (error) throw new Error(`${error.code}: ${error.message}`);
  const text = openTranslation(caller, vendor, answerContext(request)).complete(bytes).toString();
  return JSON.parse(text) as Record<string, unknown>;
}
