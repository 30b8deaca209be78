import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkResponsesRequest } from '../../../../dev/providers/openai-responses-check.ts';
import { OPENAI_CHAT } from '../../../../sidecar/dialects/openai/dialects.ts';
import { OPENAI_CHAT_CALLER, OPENAI_CHAT_VENDOR } from '../../../../sidecar/dialects/openai/formats.ts';
import { OPENAI_RESPONSES } from '../../../../sidecar/dialects/responses/dialects.ts';
import {
  OPENAI_RESPONSES_CALLER,
  OPENAI_RESPONSES_VENDOR,
} from '../../../../sidecar/dialects/responses/formats.ts';
import { crossComplete, crossRequest, crossStream } from '../support/crossing.ts';
import { tell } from '../support/vendor.ts';
import { readChatStream } from '../validators/openai-chat.ts';
import { readResponsesStream } from '../validators/openai-responses.ts';

const CHAT = { wire: OPENAI_CHAT, vendor: OPENAI_CHAT_VENDOR };
const RESPONSES = { wire: OPENAI_RESPONSES, vendor: OPENAI_RESPONSES_VENDOR };

/** Cases of a folder: what goes in stands beside what must come out. */
function cases(folder: string): [string, Buffer, string][] {
  const path = `${import.meta.dirname}/golden/${folder}`;
  return readdirSync(path)
    .filter((file) => file.includes('.in.'))
    .map((file) => [
      file.slice(0, file.indexOf('.in.')),
      readFileSync(`${path}/${file}`),
      `${path}/${file.replace('.in.', '.out.')}`,
    ]);
}

const shown = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

describe('requests', () => {
  it.each(cases('chat-request'))('of chat completions, as responses: %s', async (_, bytes, out) => {
    const { body, losses } = crossRequest(OPENAI_CHAT_CALLER, OPENAI_RESPONSES_VENDOR, bytes.toString());
    await expect(shown({ losses, body })).toMatchFileSnapshot(out);
    expect(checkResponsesRequest(body)).toBeUndefined();
    expect(() => OPENAI_RESPONSES.readRequest(Buffer.from(JSON.stringify(body)))).not.toThrow();
  });

  it.each(cases('responses-request'))('of responses, as chat completions: %s', async (_, bytes, out) => {
    const { body, losses } = crossRequest(OPENAI_RESPONSES_CALLER, OPENAI_CHAT_VENDOR, bytes.toString());
    await expect(shown({ losses, body })).toMatchFileSnapshot(out);
    expect(() => OPENAI_CHAT.readRequest(Buffer.from(JSON.stringify(body)))).not.toThrow();
  });
});

describe('whole answers', () => {
  it.each(cases('chat-answer'))('of chat completions, as responses: %s', async (_, bytes, out) => {
    const answer = crossComplete(OPENAI_RESPONSES_CALLER, CHAT, bytes.toString());
    await expect(shown(answer)).toMatchFileSnapshot(out);
    expect(OPENAI_RESPONSES.readComplete(Buffer.from(JSON.stringify(answer))).error).toBeUndefined();
  });

  it.each(cases('responses-answer'))('of responses, as chat completions: %s', async (_, bytes, out) => {
    const answer = crossComplete(OPENAI_CHAT_CALLER, RESPONSES, bytes.toString());
    await expect(shown(answer)).toMatchFileSnapshot(out);
    expect(OPENAI_CHAT.readComplete(Buffer.from(JSON.stringify(answer))).error).toBeUndefined();
  });
});

describe('streams', () => {
  it.each(cases('chat-stream'))('of chat completions, as responses: %s', async (_, bytes, out) => {
    const stream = crossStream(OPENAI_RESPONSES_CALLER, CHAT, bytes, { includeUsage: true });
    readResponsesStream(stream);
    await expect(stream.toString()).toMatchFileSnapshot(out);
  });

  it.each(cases('responses-stream'))('of responses, as chat completions: %s', async (_, bytes, out) => {
    const stream = crossStream(OPENAI_CHAT_CALLER, RESPONSES, bytes, { includeUsage: true });
    readChatStream(stream, true);
    await expect(stream.toString()).toMatchFileSnapshot(out);
  });

  it.each(cases('responses-stream'))('of responses, cut at every byte: %s', (_, bytes) => {
    const whole = tell(OPENAI_RESPONSES, OPENAI_RESPONSES_VENDOR, bytes);
    for (let at = 1; at < bytes.length; at += 7) {
      expect(tell(OPENAI_RESPONSES, OPENAI_RESPONSES_VENDOR, bytes, [at, at + 1]).events).toEqual(
        whole.events,
      );
    }
  });

  it.each(cases('responses-stream'))(
    'of responses, written as responses again, say the same: %s',
    (_, bytes) => {
      const again = crossStream(OPENAI_RESPONSES_CALLER, RESPONSES, bytes, { logprobs: { top: 0 } });
      readResponsesStream(again);
      const ends = (stream: Buffer) =>
        readChatStream(crossStream(OPENAI_CHAT_CALLER, RESPONSES, stream)).choices[0];
      expect(ends(again)).toEqual(ends(bytes));
    },
  );

  it.each(cases('chat-stream'))('of chat completions, there and back, say the same: %s', (_, bytes) => {
    const there = crossStream(OPENAI_RESPONSES_CALLER, CHAT, bytes);
    const back = crossStream(OPENAI_CHAT_CALLER, RESPONSES, there);
    const ends = (stream: Buffer) => readChatStream(stream).choices[0];
    expect(ends(back)).toEqual(ends(crossStream(OPENAI_CHAT_CALLER, CHAT, bytes)));
  });
});
