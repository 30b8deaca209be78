/** What a Service does: passes each new connection on to a replica that is ready. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class ServiceProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(targets: () => readonly number[]) {
    let turn = 0;
    this.#server = createServer((from) => {
      const ports = targets();
      const port = ports[turn++ % Math.max(1, ports.length)];
      if (port === undefined) {
        from.destroy();
        return;
      }
      const to = connect(port, '127.0.0.1');
      for (const [socket, other] of [
        [from, to],
        [to, from],
      ] as const) {
        this.#sockets.add(socket);
        socket.on('error', () => other.destroy());
        socket.on('close', () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
  }

  static async start(targets: () => readonly number[]): Promise<ServiceProxy> {
    const proxy = new ServiceProxy(targets);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
