/** A conversation taken apart: each message where it lies in the body, what it is, and which calls of tools it makes or answers. */
import { estimateInputTokens } from '../accounting/estimate.ts';
import type { Dialect } from '../dialects/dialect.ts';
import type { Envelope } from '../dialects/envelope.ts';
import { JsonScanner } from '../dialects/scan/json-scanner.ts';

/** System: instructions that stay where they are. Model: what the model wrote, its calls of tools included. Result: what the app gave for calls. */
type UnitKind = 'System' | 'User' | 'Model' | 'Result';

/** One message, or one item of /v1/responses. */
export interface Unit {
  /** Bytes of the body. */
  readonly start: number;
  readonly end: number;
  readonly kind: UnitKind;
  /** By the fixed ratios; the sum of many is not more than they have together. */
  readonly tokens: number;
  /** The user's own words are in it, besides results or not. */
  readonly words: boolean;
  /** It begins with what the model thought, which vendors want to see before the calls it led to. */
  readonly thinks: boolean;
  /** Instructions in the midst of a turn, which have no other place: the turn stays. */
  readonly instructs: boolean;
  readonly calls: readonly string[];
  readonly answers: readonly string[];
  readonly message: Readonly<Record<string, unknown>>;
}

interface Form {
  /** Member of the body that has the messages. */
  readonly list: string;
  /** Makes a body of one message, for the reader of the dialect. */
  readonly around: readonly [string, string];
  readonly read: (message: Readonly<Record<string, unknown>>) => Reading;
}

type Reading = Pick<Unit, 'kind' | 'words' | 'thinks' | 'instructs' | 'calls' | 'answers'>;

const NONE: readonly string[] = [];
const reading = (kind: UnitKind, more: Partial<Reading> = {}): Reading => ({
  kind,
  words: kind === 'User',
  thinks: false,
  instructs: false,
  calls: NONE,
  answers: NONE,
  ...more,
});

const FORMS: Readonly<Partial<Record<Dialect['name'], Form>>> = {
  'openai-chat': { list: 'messages', around: ['{"messages":[', ']}'], read: chatMessage },
  'openai-responses': { list: 'input', around: ['{"input":[', ']}'], read: responsesItem },
  'anthropic-messages': {
    list: 'messages',
    around: ['{"max_tokens":1,"messages":[', ']}'],
    read: anthropicMessage,
  },
};

/** Undefined where the body has no list of messages. The envelope's scan has checked it. */
export function readUnits(
  { body, members }: Envelope,
  dialect: Pick<Dialect, 'name' | 'readRequest'>,
): Unit[] | undefined {
  const form = FORMS[dialect.name];
  const range = form && members.get(form.list);
  if (!form || !range) return undefined;
  const scanner = new JsonScanner();
  scanner.open(body.subarray(range.valueStart, range.end), false);
  if (!scanner.atArray()) return undefined;
  const [before, behind] = form.around.map((text) => Buffer.from(text)) as [Buffer, Buffer];
  const units: Unit[] = [];
  for (let more = scanner.enterArray(); more; more = scanner.nextElement()) {
    const start = range.valueStart + scanner.pos;
    scanner.value();
    const end = range.valueStart + scanner.lastEnd;
    const bytes = body.subarray(start, end);
    const { text, attachments } = dialect.readRequest(Buffer.concat([before, bytes, behind]));
    const message = JSON.parse(bytes.toString('utf8')) as Readonly<Record<string, unknown>>;
    // Rounded down, so that without a message a prompt is at least so much shorter.
    const tokens = Math.max(0, estimateInputTokens(text, attachments).tokens - 1);
    units.push({ start, end, tokens, message, ...form.read(message) });
  }
  return units;
}

function chatMessage(message: Readonly<Record<string, unknown>>): Reading {
  switch (message['role']) {
    case 'system':
    case 'developer':
      return reading('System');
    case 'user':
      return reading('User');
    case 'tool':
      return reading('Result', { answers: ids([message], 'tool_call_id') });
    case 'function':
      return reading('Result');
    default:
      return reading('Model', { calls: ids(list(message['tool_calls']), 'id') });
  }
}

function responsesItem(item: Readonly<Record<string, unknown>>): Reading {
  const { type, role } = item;
  if (type === undefined || type === null || type === 'message') {
    if (role === 'system' || role === 'developer') return reading('System');
    return reading(role === 'user' ? 'User' : 'Model');
  }
  const kind = typeof type === 'string' ? type : '';
  if (kind.endsWith('_output') || kind === 'mcp_approval_response')
    return reading('Result', { answers: [...ids([item], 'call_id'), ...ids([item], 'approval_request_id')] });
  return reading('Model', {
    thinks: kind === 'reasoning',
    calls: [...ids([item], 'call_id'), ...(kind === 'mcp_approval_request' ? ids([item], 'id') : NONE)],
  });
}

function anthropicMessage(message: Readonly<Record<string, unknown>>): Reading {
  const blocks = list(message['content']);
  const of = (type: string) => blocks.filter((block) => block['type'] === type);
  if (message['role'] === 'system') return reading('Result', { instructs: true });
  if (message['role'] === 'user') {
    const results = of('tool_result');
    if (results.length === 0) return reading('User');
    return reading('Result', {
      answers: ids(results, 'tool_use_id'),
      words: blocks.length > results.length,
    });
  }
  const first = blocks[0]?.['type'];
  return reading('Model', {
    thinks: first === 'thinking' || first === 'redacted_thinking',
    calls: ids(of('tool_use'), 'id'),
  });
}

const list = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value)
    ? value.filter((one): one is Record<string, unknown> => typeof one === 'object' && one !== null)
    : [];

const ids = (holders: readonly Readonly<Record<string, unknown>>[], member: string): string[] =>
  holders.flatMap((holder) => {
    const id = holder[member];
    return typeof id === 'string' ? [id] : [];
  });
