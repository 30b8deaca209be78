/** Answers that would go on for ever, for apps of each dialect: little of them is kept, and where that cannot be, they end with a word. */
import { describe, expect, it } from 'vitest';
import { type Hostile, STREAMS } from '../../../../bench/hostile/streams.ts';
import { OutriderError } from '../../../../errors/table.ts';
import { askedOf } from '../../../../sidecar/dialects/canonical/asked.ts';
import type { StreamReader } from '../../../../sidecar/dialects/dialect.ts';
import { CALLERS as FORMATS, VENDORS } from '../../../../sidecar/dialects/formats.ts';
import { openSplitter } from '../../../../sidecar/dialects/splitter.ts';
import { openTranslation, type StreamTranslation } from '../../../../sidecar/dialects/translation.ts';
import { CALLERS } from '../../matrix/callers.ts';
import { wireNamed } from './wires.ts';

/** Beyond every bound there is. */
const ENOUGH = 9 * 1024 * 1024;
const MOST_HELD = 9 * 1024 * 1024;

interface Ended {
  held: number;
  written: number;
  error: string | undefined;
}

/** Feeds a stream until it ends, or has gone on for long. */
function feed({ vendor, first, more }: Hostile, reader: StreamReader, translation: StreamTranslation): Ended {
  const splitter = openSplitter(wireNamed(vendor), true);
  const ended: Ended = { held: 0, written: 0, error: undefined };
  let sent = 0;
  for (let i = -1; sent < ENOUGH; i++) {
    const chunk = i < 0 ? first : typeof more === 'function' ? more(i) : more;
    sent += chunk.length;
    splitter.push(chunk);
    while (splitter.next()) {
      if (splitter.kind === 'TooLong') return { ...ended, error: 'too long' };
      if (!splitter.hasData) continue;
      const reading = reader.read(splitter.event, splitter.data);
      if (reading.error) return { ...ended, error: reading.error.code ?? 'error' };
      ended.written += translation.event(splitter.data, reading)?.length ?? 0;
    }
    ended.held = Math.max(ended.held, splitter.heldSize + translation.held);
  }
  return ended;
}

function run(hostile: Hostile, caller: (typeof CALLERS)[number]): Ended {
  const from = FORMATS[caller.dialect as 'openai-chat'];
  const to = VENDORS[hostile.vendor as 'openai-chat'];
  if (!from || !to) throw new Error('no such pair');
  const body = Buffer.from(JSON.stringify(caller.request({ user: 'Hello', thinks: true }, true)));
  const request = askedOf(from.readChat(body));
  const context = { requestId: 'r', now: 1, model: 'm', request };
  const translation = openTranslation(from, to, context).openStream();
  try {
    return feed(hostile, wireNamed(hostile.vendor).openStream(), translation);
  } catch (thrown) {
    if (!(thrown instanceof OutriderError)) throw thrown;
    return { held: translation.held, written: 0, error: thrown.message };
  }
}

describe.each(STREAMS.filter(({ whole }) => !whole))('$name of $vendor', (hostile) => {
  it.each(CALLERS.filter(({ dialect }) => dialect !== hostile.vendor))(
    'keeps little for $dialect',
    (caller) => {
      const { held, written, error } = run(hostile, caller);
      expect(held).toBeLessThan(MOST_HELD);
      // It ended, or all of it was told, or what there was to tell was left out.
      expect(error !== undefined || written > 0 || held < 1024 * 1024).toBe(true);
    },
  );
});

it('a Responses stream ends where it could not be repeated any more', () => {
  const [text] = STREAMS.filter(({ name }) => name === 'endless text');
  const [, responses] = CALLERS;
  if (!text || !responses) throw new Error('no such stream');
  expect(run(text, responses).error).toMatch(/longer than 8388608 characters, which a Responses stream/);
});
