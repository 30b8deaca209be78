import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../../../sidecar/batch/ids.ts';
import { openDirectory } from '../../../sidecar/batch/media/directory.ts';
import type { BatchRecord } from '../../../sidecar/batch/records.ts';
import { BatchRun, type LineOutcome } from '../../../sidecar/batch/run-batch.ts';
import type { Request, Sent } from '../../../sidecar/batch/send.ts';
import { Spool } from '../../../sidecar/batch/spool.ts';
import { BatchWorker } from '../../../sidecar/batch/worker.ts';
import { buildTable, type RoutingTable } from '../../../sidecar/routing/table.ts';
import type { RuleBody } from '../../../sidecar/snapshot/schema.ts';
import type { BatchBody } from '../../../sidecar/snapshot/shapes/batch.ts';
import { VirtualClock } from '../dispatch/virtual-clock.ts';
import { routeItem, rule, target } from '../support/configuration.ts';
import { until } from '../support/sidecar.ts';
import { BATCH, chatLine } from './support.ts';

const HOUR = 3_600_000;
const ANSWER: Sent = {
  status: 200,
  body: Buffer.from('{"object":"chat.completion"}'),
  rawHeaders: [],
  errorCode: undefined,
  cancelled: false,
  overflown: false,
};

let directory: string;
let clock: VirtualClock;
let spool: Spool;
let requests: Request[];
let answers: (request: Request) => Promise<Sent> | Sent;
let outcomes: LineOutcome[];
const workers: BatchWorker[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'outrider-worker-'));
  clock = new VirtualClock();
  requests = [];
  outcomes = [];
  answers = () => ANSWER;
  spool = await opened();
});

afterEach(async () => {
  for (const worker of workers.splice(0)) {
    worker.cut();
    await worker.stop();
  }
  await rm(directory, { recursive: true, force: true });
});

const opened = async (): Promise<Spool> =>
  Spool.open({ medium: await openDirectory(directory), maxBytes: 1_000_000, warn: () => {} });

const pathOf = (id: string, part?: string): string => join(directory, spool.name(id, part));

function tableOf(batch: Partial<BatchBody>, more: Partial<RuleBody> = {}): RoutingTable {
  const item = routeItem(
    'a',
    ['assistant'],
    [rule([target('main')], { batch: { ...BATCH, ...batch }, ...more })],
  );
  const { id, rank, models, generation, body } = item;
  return buildTable({
    hash: 'h',
    routes: [{ id, rank, models, generation, body, reason: undefined }],
    providers: new Map(),
  });
}

function workerOn(table: RoutingTable): BatchWorker {
  const made = new BatchWorker({
    spool,
    clock,
    maxLine: 100_000,
    random: () => 0.5,
    warn: () => {},
    onLine: (outcome) => outcomes.push(outcome),
    table: () => table,
    native: () => Promise.reject(new Error('not here')),
    onEnd: () => {},
    send: async (request) => {
      requests.push(request);
      try {
        const [route] = table.routes;
        const [first] = route?.rules ?? [];
        if (first) request.adapt(first, 'shop/a');
      } catch (error) {
        const { code } = error as { code: string };
        return { ...ANSWER, status: 503, errorCode: code };
      }
      return await answers(request);
    },
  });
  workers.push(made);
  return made;
}

async function batchOf(lines: readonly string[]): Promise<BatchRecord> {
  const input = newId('File');
  const content = `${lines.join('\n')}\n`;
  await writeFile(pathOf(input), content);
  const createdAt = clock.wall();
  await spool.save('File', {
    id: input,
    filename: 'f',
    purpose: 'batch',
    bytes: content.length,
    createdAt,
    expiresAt: createdAt + 1000 * HOUR,
  });
  const batch: BatchRecord = {
    id: newId('Batch'),
    endpoint: '/v1/chat/completions',
    inputFileId: input,
    completionWindow: '24h',
    state: 'validating',
    at: {},
    createdAt,
    expiresAt: createdAt + HOUR,
    metadata: null,
    outputFileId: newId('File'),
    errorFileId: newId('File'),
    keptMs: HOUR,
    errors: [],
    total: 0,
    completed: 0,
    failed: 0,
    maxConcurrent: 1,
  };
  await spool.save('Batch', batch);
  return batch;
}

/** Lets time pass, a minute at a time, until it has come to pass. */
async function passing(done: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!done()) {
    if (performance.now() > deadline) throw new Error('it did not come to pass');
    clock.advance(60_000);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const lines = (count: number): string[] => Array.from({ length: count }, (_, i) => chatLine(`l-${i}`));

describe('a batch outside its window', () => {
  it('rests until the window opens, and sends nothing before', async () => {
    const wall = new Date(clock.wall());
    const minute = wall.getUTCHours() * 60 + wall.getUTCMinutes();
    const window = {
      startMinute: (minute + 120) % 1440,
      endMinute: (minute + 240) % 1440,
      timeZone: 'UTC',
    };
    const worker = workerOn(tableOf({ window, expiresAfterMs: 24 * HOUR }));
    const batch = await batchOf(lines(3));
    worker.wake();
    await until(() => outcomes.includes('Paused') && clock.pending > 0);
    expect(outcomes).not.toContain('Completed');
    const tried = requests.length;
    clock.advance(HOUR);
    await new Promise(setImmediate);
    expect(outcomes).not.toContain('Completed');
    expect(requests.length).toBeGreaterThanOrEqual(tried);
    await passing(() => batch.state === 'completed');
    expect(batch.completed).toBe(3);
    expect(batch.failed).toBe(0);
    expect(outcomes).not.toContain('Repeated');
  });
});

describe('a batch whose time is over', () => {
  it('ends as expired, and says so of each line that was not sent', async () => {
    answers = ({ id }) => (id.endsWith('~1') ? ANSWER : { ...ANSWER, status: 429 });
    const worker = workerOn(tableOf({ expiresAfterMs: HOUR }));
    const batch = await batchOf(lines(3));
    worker.wake();
    await until(() => outcomes.includes('Paused') && clock.pending > 0);
    await passing(() => batch.state === 'expired');
    expect(batch).toMatchObject({ state: 'expired', completed: 1, failed: 2 });
    const errors = await readFile(pathOf(batch.errorFileId), 'utf8');
    expect(errors.match(/batch_expired/g)).toHaveLength(2);
    expect(spool.files.get(batch.outputFileId)?.purpose).toBe('batch_output');
  });
});

describe('an end of the process in order', () => {
  it('waits for what is under way, sends nothing more, and goes on in the next', async () => {
    let release: (() => void) | undefined;
    answers = () => new Promise((resolve) => (release = () => resolve(ANSWER)));
    const worker = workerOn(tableOf({ maxConcurrent: 1 }));
    const batch = await batchOf(lines(3));
    worker.wake();
    await until(() => requests.length === 1);
    const stopped = worker.stop();
    release?.();
    await stopped;
    expect(requests).toHaveLength(1);
    expect(batch.completed).toBe(1);

    spool = await opened();
    answers = () => ANSWER;
    const next = workerOn(tableOf({}));
    next.wake();
    await until(() => spool.batches.get(batch.id)?.state === 'completed');
    expect(requests.map(({ id }) => id.split('~')[1])).toEqual(['1', '2', '3']);
    expect(outcomes).not.toContain('Repeated');
  });

  it('sends again what was cut', async () => {
    answers = ({ signal }) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => resolve({ ...ANSWER, status: 499, cancelled: true })),
      );
    const worker = workerOn(tableOf({ maxConcurrent: 2 }));
    const batch = await batchOf(lines(3));
    worker.wake();
    await until(() => requests.length === 2);
    const stopped = worker.stop();
    worker.cut();
    await stopped;
    expect(batch.completed + batch.failed).toBe(0);
    spool = await opened();
    answers = () => ANSWER;
    workerOn(tableOf({})).wake();
    await until(() => spool.batches.get(batch.id)?.state === 'completed');
    expect(outcomes.filter((one) => one === 'Repeated')).toHaveLength(2);
  });
});

it('a batch that cannot be opened leaves no content open', async () => {
  const batch = await batchOf(['{}']);
  const { medium } = spool;
  const grow = medium.grow.bind(medium);
  let open = 0;
  medium.grow = async (name, length) => {
    if (name.endsWith('.started')) throw new Error('no room');
    const content = await grow(name, length);
    open++;
    const close = content.close.bind(content);
    content.close = () => {
      open--;
      return close();
    };
    return content;
  };
  const parts = { spool, clock, maxLine: 1000, random: () => 0, warn: () => {}, onLine: () => {} };
  const opening = BatchRun.open(batch, {
    ...parts,
    send: () => Promise.reject(new Error('nothing is sent')),
  });
  await expect(opening).rejects.toThrow('no room');
  expect(open).toBe(0);
});

describe('the spool', () => {
  it('takes no more than it may, and forgets what was removed', async () => {
    const small = await Spool.open({ medium: spool.medium, maxBytes: 10, warn: () => {} });
    expect(() => small.grow(11)).toThrow(/holds 10 bytes/);
    small.grow(10);
    small.grow(-10);
    expect(small.bytes).toBe(0);
  });

  it('leaves aside what it cannot read, and removes what belongs to nothing', async () => {
    const orphan = newId('File');
    const broken = newId('Batch');
    await writeFile(pathOf(orphan), 'left over');
    await writeFile(pathOf(broken, 'json'), '{"id":');
    const told: string[] = [];
    const again = await Spool.open({
      medium: spool.medium,
      maxBytes: 1000,
      warn: (text) => told.push(text),
    });
    expect(again.batches.size).toBe(0);
    expect(told).toHaveLength(1);
    await expect(readFile(pathOf(orphan))).rejects.toThrow(/ENOENT/);
  });

  it('is tidied of files whose time is over, unless a batch reads them', async () => {
    const batch = await batchOf(lines(1));
    await spool.sweep(clock.wall() + 2000 * HOUR);
    expect(spool.files.has(batch.inputFileId)).toBe(true);
    batch.state = 'failed';
    batch.at.failed = clock.wall();
    await spool.sweep(clock.wall() + 2000 * HOUR);
    expect(spool.files.size + spool.batches.size).toBe(0);
  });
});
