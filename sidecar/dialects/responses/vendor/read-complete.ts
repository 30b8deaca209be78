/** A whole response object as a canonical answer. */
import type { ChatResponse } from '../../canonical/response.ts';
import { readJson } from '../../json/tape.ts';
import { array } from '../../json/write.ts';
import { readUsage } from '../../openai/usage.ts';
import { finishOf, readOutput } from './read-items.ts';

/** `body` has been read by the dialect's `readComplete`: it is JSON with output. */
export function readComplete(body: Buffer): ChatResponse {
  const root = readJson(body);
  const blocks = readOutput(root.at('output'));
  const called = blocks.some(({ type }) => type === 'ToolCall');
  const refused = blocks.some(({ type }) => type === 'Refusal');
  const reason = root.at('incomplete_details')?.at('reason')?.text;
  const finish = finishOf(root.at('status')?.text, reason, called, refused);
  const tokens = [...(root.at('output')?.elements() ?? [])].flatMap((item) =>
    [...(item.at('content')?.elements() ?? [])].flatMap((part) =>
      Array.from(part.at('logprobs')?.elements() ?? [], ({ raw }) => raw),
    ),
  );
  const rawUsage = root.at('usage')?.value();
  return {
    id: root.at('id')?.text || undefined,
    model: root.at('model')?.text || undefined,
    choices: [
      tokens.length === 0
        ? { blocks, finish }
        : { blocks, finish, logprobs: `{"content":${array(tokens)},"refusal":null}` },
    ],
    usage: readUsage(rawUsage),
    rawUsage,
    serviceTier: root.at('service_tier')?.text,
  };
}
