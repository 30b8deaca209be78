/** Fronts and scripted providers of one test, all closed and checked for leaks behind it. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, expect } from 'vitest';
import type { Behaviour } from '../../../dev/providers/behaviour.ts';
import {
  type ScriptedProvider,
  type ScriptedProviderOptions,
  startScriptedProvider,
} from '../../../dev/providers/server.ts';
import { until } from './client.ts';
import { type Front, type FrontOptions, startFront } from './front.ts';

const closers: (() => Promise<void>)[] = [];

/** Runs `close` behind the test. */
export function behind(close: () => Promise<void>): void {
  closers.push(close);
}

export async function provider(
  behaviour: Behaviour = {},
  options: ScriptedProviderOptions = {},
): Promise<ScriptedProvider> {
  const started = await startScriptedProvider({ behaviour, ...options });
  behind(async () => {
    await until(() => started.connections === 0, 'no socket left at the provider');
    await started.close();
  });
  return started;
}

export async function front(options: FrontOptions): Promise<Front> {
  const started = await startFront(options);
  behind(async () => {
    await started.close();
    const { deadlines } = started.dispatcher.parts;
    await until(() => deadlines.size === 0, 'no request left on the timer');
    expect(started.memory.used, 'bytes still accounted for').toBe(0);
  });
  return started;
}

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

export interface RawUpstream {
  readonly url: string;
  readonly port: number;
  /** Heads seen, in order. */
  readonly requests: { method: string; url: string; rawHeaders: string[]; body: Buffer }[];
  readonly connections: number;
}

/** An upstream under full control of the test: `answer` gets each request once its body is read. */
export async function upstream(
  answer: (res: ServerResponse, req: IncomingMessage, index: number) => void,
  tls?: { key: string; cert: string },
): Promise<RawUpstream> {
  const requests: RawUpstream['requests'] = [];
  const sockets = new Set<Socket>();
  const handler = (req: IncomingMessage, res: ServerResponse): void => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('error', () => {});
    req.on('end', () => {
      const { method = '', url = '', rawHeaders } = req;
      requests.push({ method, url, rawHeaders, body: Buffer.concat(chunks) });
      answer(res, req, requests.length - 1);
    });
  };
  const server = tls ? https.createServer(tls, handler) : http.createServer(handler);
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  behind(async () => {
    await until(() => sockets.size === 0, 'no socket left at the upstream');
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/v1`,
    port,
    requests,
    get connections() {
      return sockets.size;
    },
  };
}
