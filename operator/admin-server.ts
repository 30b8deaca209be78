/**
 * The operator's own port: whether it lives, whether it is ready, what it counts. Nothing on it changes anything. What was
 * used, and by whom, is told to this machine only, which is where a port-forward comes from.
 */
import http from 'node:http';
import { isIP } from 'node:net';
import { listen } from './listen.ts';

export interface AdminOptions {
  listen: { host: string; port: number };
  /** Names this port may be asked by, besides IP addresses and localhost. */
  hosts?: readonly string[];
  /** One line per condition; ready when all hold. */
  readiness(): { name: string; ok: boolean; detail?: string }[];
  metrics: { text(): Promise<string>; readonly contentType: string };
  /** What was used, as JSON; undefined where the query asks for what there is not. Absent: no ledger is kept here. */
  usage?: (query: URLSearchParams) => Promise<{ json: string } | { problem: string }>;
}

export interface AdminServer {
  readonly address: { host: string; port: number };
  close(): Promise<void>;
}

export async function startAdminServer(options: AdminOptions): Promise<AdminServer> {
  const server = http.createServer((req, res) => void answer(req, res, options));
  const address = await listen(server, options.listen);
  return {
    address,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  req: http.IncomingMessage,
  res: http.ServerResponse,
  options: AdminOptions,
): Promise<void> {
  const send = (status: number, body: string, type = 'text/plain; charset=utf-8') => {
    res.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
    res.end(req.method === 'HEAD' ? undefined : body);
  };
  try {
    if (!mayAsk(req, options.hosts ?? [])) return send(403, 'web pages and unknown host names are refused\n');
    if (req.method !== 'GET' && req.method !== 'HEAD') return send(405, 'only GET\n');
    switch (req.url?.split('?')[0]) {
      case '/healthz':
        return send(200, 'ok\n');
      case '/readyz': {
        const lines = options.readiness();
        const text = lines.map(
          ({ name, ok, detail }) => `[${ok ? '+' : '-'}] ${name}${detail ? `: ${detail}` : ''}`,
        );
        return send(lines.every(({ ok }) => ok) ? 200 : 503, `${text.join('\n')}\n`);
      }
      case '/metrics':
        return send(200, await options.metrics.text(), options.metrics.contentType);
      case '/usage': {
        if (!options.usage || !isLoopback(req.socket.remoteAddress)) break;
        const found = await options.usage(new URL(req.url, 'http://operator').searchParams);
        return 'json' in found ? send(200, found.json, 'application/json') : send(400, `${found.problem}\n`);
      }
      default:
    }
    return send(404, 'there are /healthz, /readyz, /metrics, and /usage for this machine only\n');
  } catch {
    if (!res.headersSent) send(500, 'failed\n');
  }
}

const isLoopback = (address = ''): boolean => /^(::ffff:)?127\.|^::1$/.test(address);

/** A page in a browser can be made to ask any port of its machine; it cannot ask without an Origin or with an IP as its host. */
function mayAsk(req: http.IncomingMessage, hosts: readonly string[]): boolean {
  if (req.headers.origin !== undefined) return false;
  const site = req.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'none' && site !== 'same-origin') return false;
  const host = (req.headers.host ?? '')
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  return host === 'localhost' || isIP(host) !== 0 || hosts.includes(host);
}
