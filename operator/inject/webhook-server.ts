/** HTTPS for the admission webhook. The API server calls it; it tells nobody anything that is not in the question. */
import https from 'node:https';
import type { Socket } from 'node:net';
import { listen } from '../listen.ts';
import type { Certificate } from '../sync/server.ts';
import type { RequestHandler } from './webhook.ts';

export interface WebhookServer {
  readonly address: { host: string; port: number };
  /** Serves new connections with another certificate. */
  setCertificate(tls: Certificate): void;
  close(): Promise<void>;
}

/** The API server gives up after five seconds, so nothing is worked on for longer. */
const REQUEST_MS = 5_000;
/** API servers keep connections for reviews to come. */
const KEEP_ALIVE_MS = 120_000;
const MAX_CONNECTIONS = 1_024;
const CLOSE_MS = 500;

export async function startWebhookServer(options: {
  /** Port 0: any free one. */
  listen: { host: string; port: number };
  /** Unset: none yet, and no connection succeeds until there is one. */
  tls: Certificate | undefined;
  handler: RequestHandler;
}): Promise<WebhookServer> {
  const server = https.createServer(
    {
      ...options.tls,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      handshakeTimeout: REQUEST_MS,
    },
    options.handler,
  );
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  const address = await listen(server, options.listen);
  return {
    address,
    setCertificate: (tls) => server.setSecureContext({ ...tls, minVersion: 'TLSv1.2' }),
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      // Reviews under way are answered in milliseconds. A connection that asks nothing, or never ended its handshake and so is
      // none to the HTTP server, must not hold the process.
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, CLOSE_MS);
      await closed;
      clearTimeout(cut);
    },
  };
}
