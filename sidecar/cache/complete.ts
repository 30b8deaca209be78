/** Whether an answer is one that can be given again: complete, and waiting for nothing of its caller. Pure. */
import type { Dialect } from '../dialects/dialect.ts';
import { openSplitter } from '../dialects/splitter.ts';

/** Words for an end that the model itself has come to. */
const ENDS: ReadonlySet<string> = new Set(['stop', 'end_turn', 'stop_sequence', 'completed', 'eos']);
/** Of Responses: everything else waits for the caller, or shows that the vendor did something. */
const PLAIN_ITEMS: ReadonlySet<unknown> = new Set(['message', 'reasoning']);
/** Vendors say `stop` of these all the same. Inside text the quotes would be escaped. */
const CALLS = /"tool_calls"\s*:\s*\[\s*[^\s\]]|"function_call"\s*:\s*\{|"type"\s*:\s*"tool_use"/;

/** `body`: as its caller was sent it, in the caller's dialect. */
export function isComplete(dialect: Dialect, streamed: boolean, body: Buffer): boolean {
  return streamed ? isCompleteStream(dialect, body) : isCompleteBody(dialect, body);
}

function isCompleteBody(dialect: Dialect, body: Buffer): boolean {
  const { error, finishReasons } = dialect.readComplete(body);
  if (error) return false;
  if (dialect.name === 'openai-embeddings') return true;
  if (finishReasons.length === 0 || !finishReasons.every((reason) => ENDS.has(reason))) return false;
  if (dialect.name !== 'openai-responses') return !CALLS.test(body.toString());
  return hasPlainItems(JSON.parse(body.toString()));
}

function isCompleteStream(dialect: Dialect, body: Buffer): boolean {
  const reader = dialect.openStream();
  const splitter = openSplitter(dialect, true);
  let ended = false;
  let last: unknown;
  const take = (): boolean => {
    while (splitter.next()) {
      const { kind, event, data, hasData } = splitter;
      if (kind === 'TooLong') return false;
      if (!hasData) continue;
      const { error, finished, terminal } = reader.read(event, data);
      if (error) return false;
      ended ||= finished || terminal;
      if (terminal && dialect.name === 'openai-responses') last = JSON.parse(data.toString());
    }
    return true;
  };
  splitter.push(body);
  if (!take()) return false;
  splitter.end();
  if (!take() || !ended) return false;
  const { finishReasons } = reader;
  if (finishReasons.length === 0 || !finishReasons.every((reason) => ENDS.has(reason))) return false;
  if (dialect.name !== 'openai-responses') return !CALLS.test(body.toString());
  return hasPlainItems((last as { response?: unknown } | undefined)?.response);
}

function hasPlainItems(response: unknown): boolean {
  const { output } = (response ?? {}) as { output?: unknown };
  return Array.isArray(output) && output.every((item) => PLAIN_ITEMS.has((item as { type?: unknown }).type));
}
