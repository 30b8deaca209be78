/** A TCP proxy on loopback that a test can cut, as when the server behind it restarts, without the server losing what it knows. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class TcpProxy {
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  constructor(target: number) {
    this.#target = target;
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<this> {
    const server = createServer((client) => {
      const upstream = connect(this.#target, '127.0.0.1');
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          this.#sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
      }
      client.pipe(upstream).pipe(client);
    });
    this.#server = server;
    await new Promise<void>((done) => server.listen(this.#port, '127.0.0.1', done));
    this.#port = (server.address() as AddressInfo).port;
    return this;
  }

  /** Every connection is reset and new ones are refused, until `start` is called again. */
  async cut(): Promise<void> {
    const closed = new Promise<void>((done) => {
      if (this.#server) this.#server.close(() => done());
      else done();
    });
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }
}
