/** A trace collector of the tests' own: OTLP over HTTP, Protocol Buffers, field by field as the specification numbers them. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { type Message, readMessage } from './read-protobuf.ts';

export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  traceState: string | undefined;
  name: string;
  kind: 'SERVER' | 'CLIENT' | 'OTHER';
  /** Milliseconds since the epoch. */
  start: number;
  end: number;
  attributes: Record<string, unknown>;
  events: { name: string; at: number }[];
  failed: boolean;
  /** The flags say that the parent is of another process. */
  remoteParent: boolean;
  resource: Record<string, unknown>;
}

export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  requests = 0;
  /** What it answers; 0: nothing at all. */
  status = 200;
  /** Headers of its answers. */
  more: Record<string, string> = {};
  readonly #server: Server;

  constructor() {
    this.#server = createServer((req, res) => {
      this.requests++;
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        if (this.status === 0) return;
        this.headers.push(req.headers);
        const found = req.method === 'POST' && req.url === '/v1/traces';
        const body = Buffer.concat(chunks);
        const plain = req.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
        if (found && this.status === 200) this.#take(plain);
        res.writeHead(found ? this.status : 404, { ...this.more, 'content-type': 'application/x-protobuf' });
        res.end();
      });
    });
  }

  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return `http://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(body: Buffer): void {
    for (const resourceSpans of readMessage(body).messages(1)) {
      const [resource] = resourceSpans.messages(1);
      for (const span of resourceSpans.messages(2).flatMap((scopeSpans) => scopeSpans.messages(2))) {
        this.spans.push({ ...readSpan(span), resource: attributes(resource?.messages(1) ?? []) });
      }
    }
  }
}

export function readSpan(span: Message): Omit<ReceivedSpan, 'resource'> {
  const kind = span.number(6);
  return {
    traceId: span.hex(1) ?? '',
    spanId: span.hex(2) ?? '',
    traceState: span.text(3),
    parentSpanId: span.hex(4),
    name: span.text(5) ?? '',
    kind: kind === 2 ? 'SERVER' : kind === 3 ? 'CLIENT' : 'OTHER',
    start: millis(span.fixed64(7)),
    end: millis(span.fixed64(8)),
    attributes: attributes(span.messages(9)),
    events: span.messages(11).map((event) => ({ name: event.text(2) ?? '', at: millis(event.fixed64(1)) })),
    failed: span.messages(15)[0]?.number(3) === 2,
    remoteParent: ((span.number(16) ?? 0) & 0x200) !== 0,
  };
}

/** To the microsecond, which is what a float of this size holds. */
const millis = (nano: bigint | undefined): number => Number((nano ?? 0n) / 1000n) / 1000;

function attributes(pairs: Message[]): Record<string, unknown> {
  return Object.fromEntries(pairs.map((pair) => [pair.text(1) ?? '', value(pair.messages(2)[0])]));
}

function value(any: Message | undefined): unknown {
  const truth = any?.number(2);
  return (
    any?.text(1) ??
    (truth === undefined ? undefined : truth === 1) ??
    any?.number(3) ??
    any?.double(4) ??
    any?.messages(5)[0]?.messages(1).map(value)
  );
}
