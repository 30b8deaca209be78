/**
 * What translation costs: a stream of 50 events through a real sidecar from each vendor's dialect to each caller's, beside the
 * same stream passed through in the caller's own; and a conversation of 200 KB across dialects. CPU of the sidecar's process.
 *
 *   node bench/dialects.ts [caller [vendor]]
 */

import { rm } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import { cpus, loadavg } from 'node:os';
import path from 'node:path';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../scripts/node-flags.ts';
import type { DialectName } from '../sidecar/dialects/dialect.ts';
import { CALLERS, type Caller } from '../test/sidecar/matrix/callers.ts';
import { VENDORS } from '../test/sidecar/matrix/vendors.ts';
import { bundled } from './bundled.ts';
import { Child } from './dataplane/child.ts';
import { cpuNanoseconds } from './dataplane/process-meter.ts';
import { interval, quantile } from './dataplane/statistics.ts';
import { EVENTS, streamOf } from './dialects/answers.ts';
import { ownCost, requestCost } from './dialects/in-process.ts';

const STREAM_BAR = 2.5;
const BODY_BAR_MS = 3;
const PAIRS = 10;
const WARM_UP = 3;
const STREAMS = 60;
const BODIES = 20;
const CONNECTIONS = 4;
const BODY_BYTES = 200_000;

interface Side {
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

const [onlyCaller, onlyVendor] = process.argv.slice(2);
const load = (): string =>
  loadavg()
    .map((one) => one.toFixed(1))
    .join(' ');
console.log(`Node ${process.version}, ${cpus().length} CPUs, load average before ${load()}\n`);

const vendors = new Child(['bench/dialects/vendor-process.ts']);
const { port: vendorPort } = await vendors.next<{ port: number }>();
const program = await bundled('bench/dialects/sidecar-process.ts');
const sidecar = new Child([...NODE_FLAGS.sidecar, program, String(vendorPort)], {
  env: { ...process.env, ...NODE_ENVIRONMENT.sidecar },
});
const { port } = await sidecar.next<{ port: number }>();
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
let missed = 0;

try {
  const rows: string[] = [];
  for (const caller of CALLERS.filter(({ dialect }) => [undefined, dialect].includes(onlyCaller))) {
    for (const { dialect } of VENDORS.filter((one) => [undefined, one.dialect].includes(onlyVendor))) {
      if (dialect === caller.dialect) continue;
      rows.push(await compare(caller, dialect));
      console.log(rows.at(-1));
    }
  }
  console.log(`\nload average after ${load()}\n`);
  console.log(
    `| caller | vendor | passed through | translated | ratio (95 %) | dialects alone | ${BODY_BYTES / 1000} KB body, passed and translated | its dialects alone | <= ${STREAM_BAR} | <= ${BODY_BAR_MS} ms |`,
  );
  console.log('|---|---|---|---|---|---|---|---|---|---|');
  for (const row of rows) console.log(row);
} finally {
  agent.destroy();
  await sidecar.stop();
  await vendors.stop();
  await rm(path.dirname(program), { recursive: true });
}
process.exitCode = missed > 0 ? 1 : 0;

async function compare(caller: Caller, vendor: string): Promise<string> {
  const asked = { user: 'lorem ipsum '.repeat(150) };
  const sides = [caller.dialect, vendor].map((dialect) => side(caller, dialect, asked.user, true));
  const [passed = [], translated = []] = await interleave(sides, STREAMS);
  const ratio = interval(translated.map((cpu, i) => cpu / (passed[i] ?? Number.NaN)));
  const large = [caller.dialect, vendor].map((dialect) => side(caller, dialect, undefined, false));
  const [plain = [], crossed = []] = await interleave(large, BODIES);
  const body = quantile(crossed, 0.5) / 1000;
  const [, foreign] = large;
  const alone = foreign ? requestCost(caller, vendor as DialectName, foreign.body) / 1000 : Number.NaN;
  const own = ownCost(caller, vendor as DialectName, streamOf(caller.dialect), streamOf(vendor));
  const streams = ratio.mean <= STREAM_BAR;
  const bodies = body <= BODY_BAR_MS;
  if (!streams || !bodies) missed++;
  return `| ${[
    caller.dialect,
    vendor,
    `${quantile(passed, 0.5).toFixed(0)} µs`,
    `${quantile(translated, 0.5).toFixed(0)} µs`,
    `${ratio.mean.toFixed(2)} (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})`,
    `${own.passed.toFixed(0)} and ${own.translated.toFixed(0)} µs`,
    `${(quantile(plain, 0.5) / 1000).toFixed(2)} and ${body.toFixed(2)} ms`,
    `${alone.toFixed(2)} ms`,
    streams ? 'met' : '**not met**',
    bodies ? 'met' : '**not met**',
  ].join(' | ')} |`;
}

/** CPU microseconds per request, by side and pair; the order alternates so that neither always comes second. */
async function interleave(sides: readonly Side[], requests: number): Promise<number[][]> {
  for (let i = 0; i < WARM_UP; i++) for (const one of sides) await cost(one, requests);
  const samples: number[][] = sides.map(() => []);
  for (let pair = 0; pair < PAIRS; pair++) {
    const order = sides.map((_, i) => (pair % 2 === 0 ? i : sides.length - 1 - i));
    for (const i of order) samples[i]?.push(await cost(sides[i] as Side, requests));
  }
  return samples;
}

async function cost(one: Side, requests: number): Promise<number> {
  const before = cpuNanoseconds(sidecar.pid);
  let left = requests;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await send(one);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  return (cpuNanoseconds(sidecar.pid) - before) / 1000 / requests;
}

/** `user`: undefined for a conversation of many turns. */
function side(caller: Caller, vendor: string, user: string | undefined, stream: boolean): Side {
  const body = caller.request({ user: user ?? 'Hello' }, stream);
  body.model = `at-${vendor}`;
  if (user === undefined) lengthen(body);
  const { path, headers } = caller;
  return { path, headers, body: Buffer.from(JSON.stringify(body)) };
}

/** Repeats the first turn, and answers to it, up to the size wanted. */
function lengthen(body: Record<string, unknown>): void {
  const turns = (body.messages ?? body.input) as Record<string, unknown>[];
  const said = 'The quick brown fox said "jump" to the lazy dog,\nand wrote a letter about it. '.repeat(8);
  for (let size = 0; size < BODY_BYTES; size += 2 * said.length + 90) {
    turns.splice(-1, 0, { role: 'user', content: said }, { role: 'assistant', content: said });
  }
}

function send({ path, headers, body }: Side): Promise<void> {
  return new Promise((resolve, reject) => {
    const req = httpRequest(
      {
        agent,
        port,
        host: '127.0.0.1',
        method: 'POST',
        path,
        headers: { 'content-type': 'application/json', 'content-length': body.length, ...headers },
      },
      (res) => {
        let bytes = 0;
        res.on('data', (chunk: Buffer) => (bytes += chunk.length));
        res.on('error', reject);
        res.on('end', () => {
          if (res.statusCode === 200 && bytes > 5 * EVENTS) resolve();
          else reject(new Error(`${path} answered ${res.statusCode} with ${bytes} bytes`));
        });
      },
    );
    req.on('error', reject);
    req.end(body);
  });
}
