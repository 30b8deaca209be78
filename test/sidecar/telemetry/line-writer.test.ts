import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LineWriter } from '../../../sidecar/telemetry/line-writer.ts';

const HEAD = Buffer.from('{"a":1,');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'line-writer-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(options: { limit?: number; gather?: number } = {}) {
  const file = path.join(folder, 'lines');
  const lost = { lines: 0 };
  const fd = openSync(file, 'a');
  const writer = new LineWriter({
    fd,
    limit: options.limit ?? 1024 * 1024,
    gather: options.gather ?? 1024,
    onLost: (lines) => (lost.lines += lines),
  });
  return { writer, lost, text: () => readFileSync(file, 'utf8'), close: () => closeSync(fd) };
}

describe('LineWriter', () => {
  it('writes every line, in order, whatever their sizes and characters', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 200 });
    const long = fc.nat(200_000).map((length) => 'é'.repeat(length));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ weight: 20, arbitrary: text }, { weight: 1, arbitrary: long }), {
          maxLength: 60,
        }),
        async (texts) => {
          const { writer, lost, text: written, close } = open({ limit: 100_000_000 });
          const before = written();
          for (const one of texts) writer.write(HEAD, JSON.stringify({ text: one }));
          await writer.flush();
          close();
          const lines = written().slice(before.length).split('\n').slice(0, -1);
          expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
            texts.map((one) => ({ a: 1, text: one })),
          );
          expect(lost.lines).toBe(0);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('writes unasked once enough is gathered, and not before', async () => {
    const { writer, text, close } = open({ gather: 60 });
    writer.write(HEAD, '{"n":1}');
    await new Promise((resolve) => setImmediate(resolve));
    expect(text()).toBe('');
    for (let n = 2; n < 6; n++) writer.write(HEAD, `{"n":${n}}`);
    await vi.waitFor(() => expect(text()).toContain('"n":5'), { timeout: 5000, interval: 2 });
    await writer.flush();
    close();
  });

  it('holds no more than its limit, and counts what it loses', async () => {
    const { writer, lost, text, close } = open({ limit: 100 });
    for (let n = 0; n < 10; n++) writer.write(HEAD, '{"n":1}');
    await writer.flush();
    expect(text()).toBe('{"a":1,"n":1}\n'.repeat(7));
    expect(lost.lines).toBe(3);
    writer.write(HEAD, '{"n":2}');
    await writer.flush();
    expect(text()).toContain('"n":2');
    close();
  });

  it.runIf(process.platform === 'linux')('waits for a pipe that is full', async () => {
    const fifo = path.join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const fd = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    const lost = { lines: 0 };
    const writer = new LineWriter({ fd, limit: 1_000_000, gather: 1024, onLost: (n) => (lost.lines += n) });
    const line = `{"text":"${'x'.repeat(1000)}"}`;
    for (let n = 0; n < 300; n++) writer.write(HEAD, line);
    let out = false;
    const flushed = writer.flush().then(() => (out = true));
    let read = '';
    const buffer = Buffer.alloc(1024 * 1024);
    const take = (): void => {
      try {
        read += buffer.toString('utf8', 0, readSync(reader, buffer));
      } catch {
        // The pipe is empty for now.
      }
    };
    await vi.waitFor(
      () => {
        take();
        expect(out).toBe(true);
      },
      { timeout: 10_000, interval: 2 },
    );
    await flushed;
    take();
    closeSync(fd);
    closeSync(reader);
    expect(read.split('\n').slice(0, -1)).toHaveLength(300);
    expect(lost.lines).toBe(0);
  });
});
