/** A trace collector of the tests' own: OTLP over HTTP, JSON, as the specification has it. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

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
  resource: Record<string, unknown>;
}

interface Value {
  stringValue?: string;
  intValue?: number | string;
  doubleValue?: number;
  boolValue?: boolean;
  arrayValue?: { values: Value[] };
}
type Pairs = { key: string; value: Value }[];

interface Body {
  resourceSpans: {
    resource: { attributes: Pairs };
    scopeSpans: {
      spans: {
        traceId: string;
        spanId: string;
        parentSpanId?: string;
        traceState?: string;
        name: string;
        kind: number;
        startTimeUnixNano: string;
        endTimeUnixNano: string;
        attributes: Pairs;
        events: { name: string; timeUnixNano: string }[];
        status: { code?: number };
      }[];
    }[];
  }[];
}

export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  requests = 0;
  /** What it answers; 0: nothing at all. */
  status = 200;
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
        if (found && this.status === 200)
          this.#take(JSON.parse(Buffer.concat(chunks).toString('utf8')) as Body);
        res.writeHead(found ? this.status : 404, { 'content-type': 'application/json' }).end('{}');
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

  #take(body: Body): void {
    for (const { resource, scopeSpans } of body.resourceSpans) {
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        this.spans.push({
          traceId: span.traceId,
          spanId: span.spanId,
          parentSpanId: span.parentSpanId,
          traceState: span.traceState,
          name: span.name,
          kind: span.kind === 2 ? 'SERVER' : span.kind === 3 ? 'CLIENT' : 'OTHER',
          start: millis(span.startTimeUnixNano),
          end: millis(span.endTimeUnixNano),
          attributes: read(span.attributes),
          events: span.events.map(({ name, timeUnixNano }) => ({ name, at: millis(timeUnixNano) })),
          failed: span.status.code === 2,
          resource: read(resource.attributes),
        });
      }
    }
  }
}

/** To the microsecond, which is what a float of this size holds. */
const millis = (nano: string): number => Number(BigInt(nano) / 1000n) / 1000;

function read(pairs: Pairs): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, plain(value)]));
}

function plain(value: Value): unknown {
  if (value.arrayValue) return value.arrayValue.values.map(plain);
  if (value.intValue !== undefined) return Number(value.intValue);
  return value.stringValue ?? value.doubleValue ?? value.boolValue;
}
