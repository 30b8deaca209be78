import { describe, expect, it } from 'vitest';
import { Announcer, type EventSink } from '../../../operator/sync/announcer.ts';

/** A reader that takes what is written only when the test says so. */
class SlowSink implements EventSink {
  readonly texts: string[] = [];
  ended = false;
  destroyed = false;
  #taken: (() => void)[] = [];

  write(text: string, written: () => void): void {
    this.texts.push(text);
    this.#taken.push(written);
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    this.destroyed = true;
  }

  get waiting(): number {
    return this.#taken.length;
  }

  take(): void {
    this.#taken.shift()?.();
  }
}

const announcement = (n: number, credentialsVersion = 'c1') => ({ hash: `h${n}`, credentialsVersion });

describe('announcer', () => {
  it('writes credentials before the snapshot, in one write', () => {
    const sink = new SlowSink();
    new Announcer(
      sink,
      () => 0,
      () => {},
    ).announce(announcement(1));
    expect(sink.texts).toEqual([
      'event: credentials\ndata: {"version":"c1"}\n\nevent: snapshot\nid: h1\ndata: {"hash":"h1"}\n\n',
    ]);
  });

  it('skips every version but the last while its reader does not read', () => {
    const sink = new SlowSink();
    let written = 0;
    const announcer = new Announcer(
      sink,
      () => 0,
      () => void (written += 1),
    );
    for (let n = 1; n <= 1000; n++) announcer.announce(announcement(n));
    expect(sink.waiting).toBe(1);
    sink.take();
    sink.take();
    expect(sink.texts.join('')).toContain('"hash":"h1"');
    expect(sink.texts[1]).toBe('event: snapshot\nid: h1000\ndata: {"hash":"h1000"}\n\n');
    expect(sink.texts).toHaveLength(2);
    expect(written).toBe(2);
  });

  it('does not write what the reader already has, even when something else came between', () => {
    const sink = new SlowSink();
    const announcer = new Announcer(
      sink,
      () => 0,
      () => {},
    );
    announcer.announce(announcement(1));
    announcer.announce(announcement(2));
    announcer.announce(announcement(1));
    sink.take();
    expect(sink.texts).toHaveLength(1);
  });

  it('writes the newest hints, once, and does not count them as pushes', () => {
    const sink = new SlowSink();
    let written = 0;
    const announcer = new Announcer(
      sink,
      () => 0,
      () => void (written += 1),
    );
    announcer.hint('{}');
    expect(sink.texts).toEqual([]);
    for (let n = 1; n <= 100; n++) announcer.hint(`{"n":${n}}`);
    sink.take();
    announcer.hint('{"n":100}');
    sink.take();
    announcer.hint('{}');
    sink.take();
    expect(sink.texts).toEqual(
      ['{"n":1}', '{"n":100}', '{}'].map((data) => `event: hints\ndata: ${data}\n\n`),
    );
    expect(written).toBe(0);
  });

  it('never stacks heartbeats behind a write that waits', () => {
    const sink = new SlowSink();
    const announcer = new Announcer(
      sink,
      () => 0,
      () => {},
    );
    announcer.announce(announcement(1));
    announcer.heartbeat();
    announcer.heartbeat();
    expect(sink.waiting).toBe(1);
    sink.take();
    sink.take();
    expect(sink.texts.slice(1)).toEqual([':\n\n']);
  });

  it('tells how long its reader has taken nothing', () => {
    const sink = new SlowSink();
    let now = 0;
    const announcer = new Announcer(
      sink,
      () => now,
      () => {},
    );
    expect(announcer.stalledFor()).toBe(0);
    announcer.announce(announcement(1));
    now = 700;
    expect(announcer.stalledFor()).toBe(700);
    expect(announcer.quietFor()).toBe(700);
    sink.take();
    expect(announcer.stalledFor()).toBe(0);
  });

  it('writes nothing after it ended', () => {
    const sink = new SlowSink();
    const announcer = new Announcer(
      sink,
      () => 0,
      () => {},
    );
    announcer.announce(announcement(1));
    announcer.announce(announcement(2));
    announcer.end();
    sink.take();
    announcer.heartbeat();
    expect(sink.ended).toBe(true);
    expect(sink.texts).toHaveLength(1);
  });
});
