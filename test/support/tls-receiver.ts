/** A host that is told things over TLS, with a certificate of an authority of its own. */
import type { IncomingHttpHeaders } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { testAuthority } from '../operator/sync/support/certificates.ts';

export interface TlsReceiver {
  port: number;
  /** PEM of who signs its certificate. */
  ca: string;
  told: { path: string; headers: IncomingHttpHeaders; body: Buffer }[];
  /** Of the next answers. */
  status: number;
  close(): Promise<void>;
}

export async function tlsReceiver(name: string): Promise<TlsReceiver> {
  const authority = await testAuthority();
  const server = https.createServer(await authority.issue(name), (req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      receiver.told.push({ path: req.url ?? '', headers: req.headers, body: Buffer.concat(chunks) });
      res.writeHead(receiver.status, { location: 'https://elsewhere.example/' });
      res.end();
    });
  });
  // Callers that do not trust it leave in the middle of the handshake.
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: TlsReceiver = {
    port: (server.address() as AddressInfo).port,
    ca: authority.ca,
    told: [],
    status: 204,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}
