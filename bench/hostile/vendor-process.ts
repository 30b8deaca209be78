/** Sends the stream whose number stands first in the path, until it has sent so many bytes or nobody listens. Prints `{"port":N}` when it listens; answers a line with what it sent since. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { type Hostile, STREAMS } from './streams.ts';

const limit = Number(process.argv[2]);
let sent = 0;

const server = createServer((req, res) => {
  req.resume();
  req.on('end', () => {
    const hostile = STREAMS[Number(/^\/(\d+)\//.exec(req.url ?? '')?.[1])];
    if (hostile) void send(hostile, res);
    else res.writeHead(404).end();
  });
});

async function send({ first, more, whole, vendor, crumbs }: Hostile, res: ServerResponse): Promise<void> {
  const stream = vendor === 'bedrock-converse' ? 'application/vnd.amazon.eventstream' : 'text/event-stream';
  res.on('error', () => {});
  res.writeHead(200, { 'content-type': whole ? 'application/json' : stream });
  res.write(first);
  for (let i = 0; sent < limit && !res.destroyed; i++) {
    const piece = typeof more === 'function' ? more(i) : more;
    let open = true;
    if (crumbs) for (let at = 0; at < piece.length; at++) open = res.write(piece.subarray(at, at + 1));
    else open = res.write(piece);
    sent += piece.length;
    if (!open) await drained(res);
    else if (i % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  res.end();
}

function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      res.off('drain', go);
      res.off('close', go);
      resolve();
    };
    res.on('drain', go);
    res.on('close', go);
  });
}

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`);
});
createInterface({ input: process.stdin }).on('line', () => {
  process.stdout.write(`${JSON.stringify({ sent })}\n`);
  sent = 0;
});
