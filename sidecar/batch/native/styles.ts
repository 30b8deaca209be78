/** The two kinds of batch APIs: what is handed in, what is asked, and what comes back. Pure. */

/** Where a batch of a provider is. */
interface RemoteState {
  over: boolean;
  /** Why the provider did not run it at all. */
  refused?: string;
  completed: number;
  failed: number;
  /** Where results are, from the base URL on. */
  results: string[];
}

export interface RemoteResult {
  line: number;
  status: number;
  body: Buffer;
  /** The provider did no work: nothing is billed. */
  unserved: boolean;
}

export interface Style {
  /** Whether lines are a file of their own, uploaded first. */
  uploads: boolean;
  /** A line as it is handed in. `body` is JSON. */
  line(name: string, path: string, body: Buffer): Buffer;
  /** Path of batches, from the base URL on. */
  batches: string;
  state(remote: Record<string, unknown>): RemoteState;
  /** Undefined: it is of no line of ours. */
  result(line: Record<string, unknown>): RemoteResult | undefined;
}

/** Lines by number: names of callers may have characters that a provider does not take. */
export const lineName = (line: number): string => `line-${line}`;

function lineOf(name: unknown): number | undefined {
  const found = typeof name === 'string' ? /^line-([1-9][0-9]{0,8})$/.exec(name)?.[1] : undefined;
  return found === undefined ? undefined : Number(found);
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && /^[A-Za-z0-9._-]{1,200}$/.test(value) ? value : undefined;
const count = (value: unknown): number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
const object = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
const sentence = (value: unknown): string =>
  typeof value === 'string' ? value.slice(0, 500) : 'without saying why';
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value ?? null));

const OPENAI_OVER = new Set(['failed', 'completed', 'expired', 'cancelled']);

const OPENAI: Style = {
  uploads: true,
  batches: '/batches',
  line: (name, path, body) =>
    Buffer.concat([
      Buffer.from(`{"custom_id":"${name}","method":"POST","url":${JSON.stringify(path)},"body":`),
      body,
      Buffer.from('}\n'),
    ]),
  state(remote) {
    const counts = object(remote.request_counts);
    const files = [text(remote.output_file_id), text(remote.error_file_id)];
    const { data } = object(remote.errors);
    const [first] = Array.isArray(data) ? (data as unknown[]) : [];
    return {
      ...(remote.status === 'failed' && {
        refused: sentence(object(first).message),
      }),
      over: typeof remote.status === 'string' && OPENAI_OVER.has(remote.status),
      completed: count(counts.completed),
      failed: count(counts.failed),
      results: files.flatMap((file) => (file === undefined ? [] : [`/files/${file}/content`])),
    };
  },
  result(line) {
    const number = lineOf(line.custom_id);
    if (number === undefined) return undefined;
    const response = object(line.response);
    const status = count(response.status_code);
    if (status > 0) {
      return { line: number, status, body: json(response.body ?? null), unserved: status >= 300 };
    }
    const error = object(line.error);
    // It was not sent before the provider's own time was over, or it was cancelled.
    return { line: number, status: 0, body: json({ error }), unserved: true };
  },
};

const ANTHROPIC: Style = {
  uploads: false,
  batches: '/messages/batches',
  line: (name, _path, body) =>
    Buffer.concat([Buffer.from(`{"custom_id":"${name}","params":`), body, Buffer.from('}')]),
  state(remote) {
    const counts = object(remote.request_counts);
    const id = text(remote.id);
    const over = remote.processing_status === 'ended';
    return {
      over,
      completed: count(counts.succeeded),
      failed: count(counts.errored) + count(counts.expired) + count(counts.canceled),
      results: over && id !== undefined ? [`/messages/batches/${id}/results`] : [],
    };
  },
  result(line) {
    const number = lineOf(line.custom_id);
    if (number === undefined) return undefined;
    const result = object(line.result);
    if (result.type === 'succeeded') {
      return { line: number, status: 200, body: json(result.message), unserved: false };
    }
    if (result.type !== 'errored') return { line: number, status: 0, body: json({}), unserved: true };
    const { error } = object(result.error);
    const { type } = object(error);
    return {
      line: number,
      status: type === 'invalid_request_error' ? 400 : 500,
      body: json(result.error),
      unserved: true,
    };
  },
};

export const STYLES = { OpenAI: OPENAI, Anthropic: ANTHROPIC } as const;
