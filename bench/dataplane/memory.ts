/** Resident memory of the sidecar: idle, busy, with a thousand open streams, and with more bytes than it may hold. */
import { Agent, request } from 'node:http';
import { chatBody } from './load.ts';
import { resetPeak, residentMiB } from './process-meter.ts';
import type { Setup } from './setup.ts';
import { tracing } from './setup.ts';

const OPEN_STREAMS = 1000;
const PARALLEL_LARGE = 64;
const MIB = 1024 * 1024;

const settle = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** MiB, `[without exporter, with exporter]`, a while after the start. */
export async function idle(setup: Setup): Promise<[number, number]> {
  const without = await setup.startAnotherSidecar();
  const withExporter = await setup.startAnotherSidecar(tracing(setup.direct));
  await settle(5000);
  const figures: [number, number] = [
    residentMiB(without.child.pid).now,
    residentMiB(withExporter.child.pid).now,
  ];
  await without.child.stop();
  await withExporter.child.stop();
  return figures;
}

/** Highest MiB under as many small requests as the sidecar can take. */
export async function busy(setup: Setup): Promise<number> {
  const { pid } = setup.sidecar.child;
  await resetPeak(pid);
  await setup.load({
    port: setup.sidecar.port,
    model: 'plain',
    requests: 40_000,
    connections: 64,
    bytes: 2048,
    stream: false,
  });
  return residentMiB(pid).peak;
}

/** Highest MiB while a thousand streams are open whose requests were 100 KB each. */
export async function openStreams(setup: Setup): Promise<{ peak: number; open: number }> {
  const sidecar = await setup.startAnotherSidecar(tracing(setup.direct));
  await resetPeak(sidecar.child.pid);
  const agent = new Agent({ keepAlive: true });
  const body = Buffer.from(
    chatBody('plain', 100_000, true)
      .toString()
      .replace('"stream":true', '"stream":true,"metadata":{"hold":true}'),
  );
  const opened = { count: 0 };
  const closers: (() => void)[] = [];
  for (let i = 0; i < OPEN_STREAMS; i++) {
    const req = request(
      {
        agent,
        host: '127.0.0.1',
        port: sidecar.port,
        path: '/v1/chat/completions',
        method: 'POST',
        headers: headers(body),
      },
      (res) => {
        if (res.statusCode === 200) opened.count++;
        res.resume();
        res.on('error', () => {});
      },
    );
    req.on('error', () => {});
    req.end(body);
    closers.push(() => req.destroy());
    if (i % 20 === 19) await settle(10);
  }
  const deadline = performance.now() + 20_000;
  while (opened.count < OPEN_STREAMS && performance.now() < deadline) await settle(50);
  await settle(3000);
  const { peak } = residentMiB(sidecar.child.pid);
  for (const close of closers) close();
  agent.destroy();
  await sidecar.child.stop();
  return { peak, open: opened.count };
}

/** Highest MiB while 64 prompts of 3 MB arrive at once, and what they were answered. */
export async function largePrompts(
  setup: Setup,
): Promise<{ peak: number; statuses: Record<string, number> }> {
  const sidecar = await setup.startAnotherSidecar(tracing(setup.direct));
  await resetPeak(sidecar.child.pid);
  const body = chatBody('plain', 3 * MIB, false);
  const statuses: Record<string, number> = {};
  const one = (): Promise<void> =>
    new Promise((resolve) => {
      const done = (what: string): void => {
        statuses[what] = (statuses[what] ?? 0) + 1;
        resolve();
      };
      const req = request(
        {
          host: '127.0.0.1',
          port: sidecar.port,
          path: '/v1/chat/completions',
          method: 'POST',
          agent: false,
          headers: headers(body),
        },
        (res) => {
          res.resume();
          res.on('end', () => done(String(res.statusCode)));
          res.on('error', () => done('broken'));
        },
      );
      req.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? 'error'));
      req.end(body);
    });
  for (let round = 0; round < 4; round++) await Promise.all(Array.from({ length: PARALLEL_LARGE }, one));
  const { peak } = residentMiB(sidecar.child.pid);
  await sidecar.child.stop();
  return { peak, statuses };
}

function headers(body: Buffer): Record<string, string | number> {
  return {
    'content-type': 'application/json',
    'content-length': body.length,
    authorization: 'Bearer sk-bench',
  };
}
