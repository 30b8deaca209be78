import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkAnthropicRequest } from '../../../../dev/providers/anthropic-check.ts';
import { ANTHROPIC_MESSAGES } from '../../../../sidecar/dialects/anthropic/dialects.ts';
import {
  ANTHROPIC_MESSAGES_CALLER,
  ANTHROPIC_MESSAGES_VENDOR,
} from '../../../../sidecar/dialects/anthropic/formats.ts';
import { Losses } from '../../../../sidecar/dialects/canonical/losses.ts';
import type { CallerFormat, VendorFormat } from '../../../../sidecar/dialects/chat-format.ts';
import type { WireReader } from '../../../../sidecar/dialects/dialect.ts';
import { OPENAI_CHAT } from '../../../../sidecar/dialects/openai/dialects.ts';
import { OPENAI_CHAT_CALLER, OPENAI_CHAT_VENDOR } from '../../../../sidecar/dialects/openai/formats.ts';
import { SseSplitter } from '../../../../sidecar/dialects/sse.ts';
import { openTranslation, translateRequest } from '../../../../sidecar/dialects/translation.ts';
import { answerContext } from '../support/caller.ts';
import { readAnthropicStream } from '../validators/anthropic.ts';

interface Pair {
  caller: CallerFormat;
  wire: WireReader;
  vendor: VendorFormat;
  model: string;
}

/** By whose words the file is written in. A request comes from a caller, a stream from a vendor. */
const FROM_OPENAI_CALLER: Pair = {
  caller: OPENAI_CHAT_CALLER,
  wire: ANTHROPIC_MESSAGES,
  vendor: ANTHROPIC_MESSAGES_VENDOR,
  model: 'claude-haiku-4-5',
};
const FROM_ANTHROPIC_CALLER: Pair = {
  caller: ANTHROPIC_MESSAGES_CALLER,
  wire: OPENAI_CHAT,
  vendor: OPENAI_CHAT_VENDOR,
  model: 'gpt-x',
};

const golden = new URL('golden/', import.meta.url);
const files = (ending: string): string[] => readdirSync(golden).filter((name) => name.endsWith(ending));
const read = (name: string): Buffer => readFileSync(new URL(name, golden));
const path = (name: string): string => new URL(name, golden).pathname;

describe('requests', () => {
  it.each(files('.in.json'))('%s', async (name) => {
    const { caller, vendor, model } = name.includes('.from-openai.')
      ? FROM_OPENAI_CALLER
      : FROM_ANTHROPIC_CALLER;
    const losses = new Losses();
    const context = { model, maxOutputTokens: 8192, quirks: {}, losses, media: () => undefined };
    const body = translateRequest(caller.readChat(read(name)), vendor, context).toString();
    const lost = losses.list.map(({ how, parameter, detail }) => `// ${how} ${parameter}: ${detail}`);
    const text = `${[...lost, indented(body)].join('\n')}\n`;
    await expect(text).toMatchFileSnapshot(path(name.replace('.in.json', '.out.jsonc')));
  });

  it.each(files('.from-openai.in.json'))(
    '%s is what the vendor takes, but for a signature that is not its own',
    (name) => {
      const context = {
        model: 'claude-haiku-4-5',
        maxOutputTokens: 8192,
        quirks: {},
        losses: new Losses(),
        media: () => undefined,
      };
      const body = translateRequest(
        OPENAI_CHAT_CALLER.readChat(read(name)),
        ANTHROPIC_MESSAGES_VENDOR,
        context,
      );
      expect(checkAnthropicRequest(JSON.parse(body.toString()))).toMatch(/Invalid `signature`/);
    },
  );
});

describe('streams', () => {
  it.each(files('.in.sse'))('%s', async (name) => {
    const pair = name.includes('.to-openai.') ? FROM_OPENAI_CALLER : FROM_ANTHROPIC_CALLER;
    const whole = cross(pair, read(name));
    await expect(whole.toString()).toMatchFileSnapshot(path(name.replace('.in.sse', '.out.sse')));
    if (pair.caller === ANTHROPIC_MESSAGES_CALLER) readAnthropicStream(whole);
  });

  it.each(files('.in.sse'))('%s, cut anywhere', (name) => {
    const pair = name.includes('.to-openai.') ? FROM_OPENAI_CALLER : FROM_ANTHROPIC_CALLER;
    const bytes = read(name);
    const whole = cross(pair, bytes).toString();
    for (let at = 1; at < bytes.length; at += 3) expect(cross(pair, bytes, at).toString()).toBe(whole);
  });
});

function cross({ caller, wire, vendor }: Pair, bytes: Buffer, cut = 0): Buffer {
  const context = answerContext({ stream: true, includeUsage: true });
  const stream = openTranslation(caller, vendor, context).openStream();
  const splitter = new SseSplitter();
  const reader = wire.openStream();
  const out: Buffer[] = [];
  for (const chunk of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
    splitter.push(Buffer.from(chunk));
    while (splitter.next()) {
      if (splitter.kind !== 'Event' || !splitter.hasData) continue;
      const event = stream.event(splitter.data, reader.read(splitter.event, splitter.data));
      if (event) out.push(event);
    }
  }
  out.push(stream.end() ?? Buffer.alloc(0));
  return Buffer.concat(out);
}

/** One line per top-level member, and per message: numbers as they were written. */
function indented(body: string): string {
  let depth = 0;
  let text = '';
  let quoted = false;
  for (let i = 0; i < body.length; i++) {
    const c = body[i] as string;
    if (c === '"' && body[i - 1] !== '\\') quoted = !quoted;
    if (!quoted && (c === '}' || c === ']')) depth--;
    text += c;
    if (!quoted && (c === '{' || c === '[')) depth++;
    if (!quoted && c === ',' && depth <= 4) text += `\n${'  '.repeat(depth)}`;
  }
  return text;
}
