/** A small server that serves callers of one dialect from a vendor of another, over real HTTP: translation and nothing else. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OutriderError } from '../../../../errors/table.ts';
import { type Loss, Losses } from '../../../../sidecar/dialects/canonical/losses.ts';
import type { CallerFormat, Quirks, VendorFormat } from '../../../../sidecar/dialects/chat-format.ts';
import type { Dialect, WireReader } from '../../../../sidecar/dialects/dialect.ts';
import { SseSplitter } from '../../../../sidecar/dialects/sse.ts';
import { openTranslation, translateRequest } from '../../../../sidecar/dialects/translation.ts';

export interface Crossing {
  dialect: Dialect;
  caller: CallerFormat;
  wire: WireReader;
  vendor: VendorFormat;
  /** Where the vendor takes requests. */
  url: string;
  headers: Record<string, string>;
  model: string;
  quirks?: Quirks;
}

export interface CrossingServer {
  /** Without a path. */
  readonly url: string;
  /** Of the last request. */
  readonly losses: Loss[];
  /** What each stream looked like to its caller. */
  readonly streams: Buffer[];
  close(): Promise<void>;
}

export async function startCrossing(crossing: Crossing): Promise<CrossingServer> {
  const { dialect, caller, wire, vendor, quirks = {} } = crossing;
  const state = { losses: [] as Loss[], streams: [] as Buffer[] };
  let count = 0;
  const server = createServer((req, res) => {
    const serve = async (): Promise<void> => {
      const chunks: Buffer[] = [];
      for await (const chunk of req) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      dialect.readRequest(body);
      const request = caller.readChat(body);
      const losses = new Losses();
      const context = {
        model: crossing.model,
        maxOutputTokens: 8192,
        quirks,
        losses,
        media: () => undefined,
      };
      const written = translateRequest(request, vendor, context);
      state.losses = losses.list;
      const headers = { 'content-type': 'application/json', ...crossing.headers };
      const upstream = await fetch(crossing.url, { method: 'POST', headers, body: written.toString() });
      const answer = { requestId: `r${count++}`, now: 1_780_000_000, model: crossing.model, request, quirks };
      const translation = openTranslation(caller, vendor, answer);
      const bytes = Buffer.from(await upstream.arrayBuffer());
      if (upstream.status !== 200) {
        const error = wire.readError(bytes) ?? {
          status: undefined,
          code: undefined,
          type: undefined,
          message: '',
        };
        res.writeHead(upstream.status, { 'content-type': 'application/json' });
        res.end(translation.error(error, upstream.status));
        return;
      }
      if (!request.stream) {
        res.writeHead(200, { 'content-type': 'application/json' });
        res.end(translation.complete(bytes));
        return;
      }
      const out = translated(bytes, wire, translation.openStream());
      state.streams.push(out);
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.end(out);
    };
    serve().catch((thrown: unknown) => {
      const error =
        thrown instanceof OutriderError
          ? thrown
          : new OutriderError('internal_error', { id: String(thrown) });
      const rendered = dialect.renderError(error);
      res.writeHead(rendered.status, Object.fromEntries(rendered.headers));
      res.end(rendered.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get losses() {
      return state.losses;
    },
    streams: state.streams,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function translated(
  bytes: Buffer,
  wire: WireReader,
  stream: ReturnType<ReturnType<typeof openTranslation>['openStream']>,
): Buffer {
  const splitter = new SseSplitter();
  const reader = wire.openStream();
  const out: Buffer[] = [];
  let failed = false;
  const drain = (): void => {
    while (splitter.next()) {
      if (splitter.kind !== 'Event' || !splitter.hasData) continue;
      const reading = reader.read(splitter.event, splitter.data);
      failed ||= reading.error !== undefined;
      const event = failed ? undefined : stream.event(splitter.data, reading);
      if (event) out.push(event);
    }
  };
  splitter.push(bytes);
  drain();
  splitter.end();
  drain();
  const end = failed ? undefined : stream.end();
  if (end) out.push(end);
  return Buffer.concat(out);
}
