/** HTTP servers with the settings that proxies need, and an orderly way to stop them. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

export interface ListenerHandlers {
  /** `expectsContinue`: the caller waits for `100 Continue` before it sends its body. */
  request(req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): void;
  upgrade?(req: IncomingMessage, socket: Duplex, head: Buffer): void;
}

export interface ListenerAddress {
  host: string;
  /** 0: any free port. */
  port: number;
}

/** Above what SDKs and load balancers keep idle connections, so that they close first and never meet a reset. */
const KEEP_ALIVE_MS = 75_000;
const HEADERS_MS = 60_000;
/** For headers and body together; large uploads pass through here. */
const REQUEST_MS = 600_000;
const MAX_HEADER_BYTES = 32 * 1024;

export class Listener {
  private readonly server: Server;
  /** The server forgets sockets once they are upgraded, but waits for them to close. */
  private readonly upgraded = new Set<Duplex>();

  constructor(handlers: ListenerHandlers) {
    this.server = createServer(
      {
        keepAlive: true,
        noDelay: true,
        keepAliveTimeout: KEEP_ALIVE_MS,
        headersTimeout: HEADERS_MS,
        requestTimeout: REQUEST_MS,
        maxHeaderSize: MAX_HEADER_BYTES,
        // A missing Host is refused by our own rules, in the caller's format.
        requireHostHeader: false,
        // Offers of other protocols, such as h2c, are ignored as HTTP allows.
        shouldUpgradeCallback: (req) =>
          handlers.upgrade !== undefined && req.headers.upgrade?.toLowerCase() === 'websocket',
      },
      (req, res) => handlers.request(req, res, false),
    );
    this.server.on('checkContinue', (req, res) => handlers.request(req, res, true));
    this.server.on('upgrade', (req, socket, head) => {
      this.upgraded.add(socket);
      socket.on('close', () => this.upgraded.delete(socket));
      handlers.upgrade?.(req, socket, head);
    });
  }

  /** Resolves to the port. */
  listen(address: ListenerAddress): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(address.port, address.host, () => {
        this.server.off('error', reject);
        resolve((this.server.address() as AddressInfo).port);
      });
    });
  }

  /** No new connections; idle ones are closed. */
  stopAccepting(): void {
    this.server.close();
    this.server.closeIdleConnections();
  }

  closeIdle(): void {
    this.server.closeIdleConnections();
  }

  /** Ends whatever is left. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
      for (const socket of this.upgraded) socket.destroy();
    });
  }
}
