/** Servers of the operator begin to listen, or say why they cannot. */
import type { AddressInfo, Server } from 'node:net';

export interface ListenAddress {
  host: string;
  /** 0: any free one. */
  port: number;
}

/** @returns where it listens, with the port it was given */
export async function listen(server: Server, { host, port }: ListenAddress): Promise<ListenAddress> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const bound = server.address() as AddressInfo;
  return { host: bound.address, port: bound.port };
}
