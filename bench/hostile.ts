/**
 * Hostile vendors: answers of up to 1 GB that would never end, each through a sidecar of its own, for apps of each dialect. Tells how each ended for the app, and the most memory the sidecar's process ever took.
 *
 *   node bench/hostile.ts [megabytes [part of a stream's name]]
 */

import { rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { loadavg } from 'node:os';
import path from 'node:path';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../scripts/node-flags.ts';
import { CALLERS, type Caller } from '../test/sidecar/matrix/callers.ts';
import { bundled } from './bundled.ts';
import { Child } from './dataplane/child.ts';
import { residentMiB } from './dataplane/process-meter.ts';
import { STREAMS } from './hostile/streams.ts';

const RSS_BAR = 150;
/** An answer that goes on longer is left by the app. */
const LONGEST_MS = 45_000;
const megabytes = Number(process.argv[2] ?? 1000);
const only = process.argv[3];
const MEBI = 1024 * 1024;

const vendor = new Child(['bench/hostile/vendor-process.ts', String(megabytes * 1e6)]);
const program = await bundled('bench/hostile/sidecar-process.ts');
const { port: vendorPort } = await vendor.next<{ port: number }>();
console.log(
  `Node ${process.version}, ${megabytes} MB each, load average ${loadavg()
    .map((one) => one.toFixed(1))
    .join(' ')}\n`,
);
console.log('| stream | vendor | app | sent | got | how it ended for the app | peak RSS | |');
console.log('|---|---|---|---|---|---|---|---|');

let missed = 0;
try {
  for (const [i, { name, vendor: dialect, whole }] of STREAMS.entries()) {
    if (only !== undefined && !name.includes(only)) continue;
    for (const caller of CALLERS) {
      const { sidecar, port } = await start();
      const ended = await ask(port, caller, `h${i}`, whole !== true);
      const { sent } = await vendor.ask<{ sent: number }>({});
      const { peak } = residentMiB(sidecar.pid);
      await sidecar.stop();
      const met = peak <= RSS_BAR;
      if (!met) missed++;
      const cells = [
        name,
        dialect,
        caller.dialect,
        mib(sent),
        mib(ended.bytes),
        ended.how,
        `${peak.toFixed(0)} MiB`,
      ];
      console.log(`| ${cells.join(' | ')} | ${met ? 'met' : '**not met**'} |`);
    }
  }
} finally {
  await vendor.stop();
  await rm(path.dirname(program), { recursive: true });
}
process.exitCode = missed > 0 ? 1 : 0;

/** A sidecar of its own for each row: what one left behind is not the next one's. */
async function start(): Promise<{ sidecar: Child; port: number }> {
  const sidecar = new Child([...NODE_FLAGS.sidecar, program, String(vendorPort)], {
    env: { ...process.env, ...NODE_ENVIRONMENT.sidecar },
  });
  return { sidecar, ...(await sidecar.next<{ port: number }>()) };
}

function mib(bytes: number): string {
  return `${(bytes / MEBI).toFixed(1)} MiB`;
}

function ask(
  port: number,
  caller: Caller,
  model: string,
  stream: boolean,
): Promise<{ bytes: number; how: string }> {
  const body = Buffer.from(
    JSON.stringify({ ...caller.request({ user: 'Hello', thinks: true }, stream), model }),
  );
  return new Promise((resolve) => {
    let bytes = 0;
    let tail = '';
    const done = (how: string): void => {
      clearTimeout(timer);
      resolve({ bytes, how });
    };
    const req = httpRequest(
      {
        port,
        host: '127.0.0.1',
        method: 'POST',
        path: caller.path,
        headers: { 'content-type': 'application/json', 'content-length': body.length, ...caller.headers },
      },
      (res) => {
        res.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          tail = (tail + chunk.subarray(-600).toString()).slice(-600);
        });
        res.on('end', () => done(`${res.statusCode}, ${verdict(tail)}`));
        res.on('error', () => done(`${res.statusCode}, the connection broke`));
      },
    );
    const timer = setTimeout(() => {
      req.destroy();
      done(`left after ${LONGEST_MS / 1000} s`);
    }, LONGEST_MS);
    req.on('error', (error) => done(error.message));
    req.end(body);
  });
}

/** The message of the error an answer ended with. */
function verdict(tail: string): string {
  const messages = [...tail.matchAll(/"message":"((?:[^"\\]|\\.)*)"/g)];
  return messages.at(-1)?.[1]?.replaceAll('|', '/') ?? 'no error';
}
