import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readForm } from '../../../sidecar/batch/form.ts';
import { linesOf } from '../../../sidecar/batch/lines.ts';
import { openDirectory } from '../../../sidecar/batch/media/directory.ts';
import { ResultLog } from '../../../sidecar/batch/result-log.ts';
import { verdictOf } from '../../../sidecar/batch/send.ts';
import { opensAt } from '../../../sidecar/batch/window.ts';
import { lineOfResult, renderResult } from '../../../sidecar/batch/wire.ts';

let directory: string;
beforeAll(async () => (directory = await mkdtemp(join(tmpdir(), 'outrider-parts-'))));
afterAll(() => rm(directory, { recursive: true, force: true }));

async function* chunked(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('forms', () => {
  const form = (content: string): Buffer =>
    Buffer.from(
      `--xyz\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--xyz\r\nContent-Disposition: form-data; name="file"; filename="a \\"b\\".jsonl"\r\nContent-Type: application/octet-stream\r\n\r\n${content}\r\n--xyz\r\ncontent-disposition: form-data; name=last\r\n\r\n\r\n--xyz--\r\n`,
    );

  it('are read the same, however they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 90 }),
        fc.array(fc.constantFrom('a', '\r', '\n', '-', '--xyz', '\r\n--xy', '\r\n'), { maxLength: 12 }),
        async (size, parts) => {
          const content = parts.join('').replaceAll('\r\n--xyz', '');
          let file = '';
          const { fields, filename } = await readForm(chunked(form(content), size), 'xyz', (piece) => {
            file += piece.toString();
            return Promise.resolve();
          });
          expect(file).toBe(content);
          expect(filename).toBe('a "b".jsonl');
          expect(Object.fromEntries(fields)).toEqual({ purpose: 'batch', last: '' });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('are refused where they are cut off', async () => {
    const whole = form('content');
    for (const length of [0, 10, 60, whole.length - 6]) {
      const read = readForm(chunked(whole.subarray(0, length), 7), 'xyz', () => Promise.resolve());
      await expect(read).rejects.toThrow(/whole/);
    }
  });
});

describe('lines', () => {
  it('are those of the file, from any of them on', async () => {
    const name = 'lines';
    const medium = await openDirectory(directory);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'ä', 'b') }), { maxLength: 9 }),
        async (all) => {
          await writeFile(join(directory, name), all.map((line) => `${line}\n`).join(''));
          const read: { number: number; offset: number; text: string }[] = [];
          for await (const { number, offset, bytes } of linesOf(medium, name, { maxLine: 1000 })) {
            read.push({ number, offset, text: String(bytes) });
          }
          expect(read.map(({ text }) => text)).toEqual(all);
          const from = read[Math.floor(read.length / 2)];
          const rest: { number: number; offset: number; text: string }[] = [];
          if (from) {
            for await (const { number, offset, bytes } of linesOf(medium, name, { maxLine: 1000, ...from })) {
              rest.push({ number, offset, text: String(bytes) });
            }
          }
          expect(rest).toEqual(read.slice(Math.floor(read.length / 2)));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('are not kept where they are too long', async () => {
    const name = 'long';
    const medium = await openDirectory(directory);
    await writeFile(join(directory, name), `${'x'.repeat(200_000)}\nshort`);
    const read: [number | undefined, boolean][] = [];
    for await (const { bytes, ended } of linesOf(medium, name, { maxLine: 100 }))
      read.push([bytes?.length, ended]);
    expect(read).toEqual([
      [undefined, true],
      [5, false],
    ]);
  });
});

describe('logs of results', () => {
  const result = (line: number): Buffer =>
    renderResult({
      batch: `batch_or${'0'.repeat(24)}`,
      line,
      customId: `c-${line}`,
      response: { status: 200, requestId: 'r', body: Buffer.from('{\n "a": 1\r\n}') },
    });

  it('keep what is whole, wherever the last write was cut', async () => {
    const name = 'log';
    const medium = await openDirectory(directory);
    const two = Buffer.concat([result(1), Buffer.from('\n'), result(2), Buffer.from('\n')]);
    const first = result(1).length + 1;
    for (let cut = 0; cut <= two.length; cut++) {
      await writeFile(join(directory, name), two.subarray(0, cut));
      const seen: (number | undefined)[] = [];
      const log = await ResultLog.open(
        medium,
        name,
        () => {},
        (head) => seen.push(lineOfResult(head)),
      );
      const whole = cut === two.length ? [1, 2] : cut >= first ? [1] : [];
      expect(seen).toEqual(whole);
      await Promise.all([log.append(result(3)), log.append(result(4))]);
      await log.close();
      const lines = (await readFile(join(directory, name), 'utf8')).split('\n').slice(0, -1);
      expect(lines.map((line) => lineOfResult(line))).toEqual([...whole, 3, 4]);
      for (const line of lines) expect(JSON.parse(line)).toMatchObject({ response: { body: { a: 1 } } });
    }
  });
});

describe('windows', () => {
  const at = (text: string): number => Date.parse(text);
  const night = { startMinute: 22 * 60, endMinute: 6 * 60, timeZone: 'Europe/Berlin' };

  it.each([
    ['2026-01-10T20:30:00Z', '2026-01-10T21:00:00Z'],
    ['2026-01-10T21:00:00Z', '2026-01-10T21:00:00Z'],
    ['2026-01-11T04:59:59Z', '2026-01-11T04:59:59Z'],
    ['2026-01-11T05:00:00Z', '2026-01-11T21:00:00Z'],
    // In summer an hour earlier.
    ['2026-07-10T19:59:30Z', '2026-07-10T20:00:00Z'],
  ])('of a night in Berlin: at %s open at %s', (now, opens) => {
    expect(new Date(opensAt(night, at(now))).toISOString()).toBe(new Date(opens).toISOString());
  });

  it('are never further away than a day, and never in the past', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1439 }),
        fc.integer({ min: 0, max: 1439 }),
        fc.integer({ min: 1_700_000_000_000, max: 1_900_000_000_000 }),
        (startMinute, endMinute, now) => {
          const opens = opensAt({ startMinute, endMinute, timeZone: 'UTC' }, now);
          expect(opens).toBeGreaterThanOrEqual(now);
          expect(opens - now).toBeLessThanOrEqual(24 * 3_600_000);
        },
      ),
    );
  });
});

describe('what follows from an answer', () => {
  const sent = {
    body: Buffer.alloc(0),
    rawHeaders: ['Retry-After', '7'],
    errorCode: undefined,
    cancelled: false,
    overflown: false,
  };

  it.each([
    [{ status: 200 }, { kind: 'Answered', ok: true }],
    [{ status: 400 }, { kind: 'Answered', ok: false }],
    [{ status: 429 }, { kind: 'Pause', afterMs: 7000 }],
    [
      { status: 429, errorCode: 'rate_limited' },
      { kind: 'Pause', afterMs: 7000 },
    ],
    [
      { status: 503, errorCode: 'memory_full' },
      { kind: 'Pause', afterMs: 7000 },
    ],
    [
      { status: 503, errorCode: 'budget_unavailable' },
      { kind: 'Pause', afterMs: 7000 },
    ],
    [
      { status: 503, errorCode: 'budget_cost_unknown' },
      { kind: 'Answered', ok: false },
    ],
    [{ status: 500 }, { kind: 'Retry', afterMs: 7000 }],
    [
      { status: 503, errorCode: 'route_invalid' },
      { kind: 'Answered', ok: false },
    ],
    [{ status: 499, cancelled: true }, { kind: 'Stopped' }],
    [
      { status: 200, overflown: true },
      { kind: 'Answered', ok: false },
    ],
  ])('%o', (how, verdict) => {
    expect(verdictOf({ ...sent, ...how })).toEqual(verdict);
  });
});
