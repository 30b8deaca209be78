/** One line of the input of a batch: what is asked, and everything that is wrong with it. Pure. */
import { OutriderError } from '../../errors/table.ts';
import type { Dialect } from '../dialects/dialect.ts';
import type { Envelope } from '../dialects/envelope.ts';
import { endpointAt } from '../dialects/registry.ts';
import { membersOf } from '../dialects/scan/body-scan.ts';
import type { LineError } from './records.ts';

/** Paths that a batch may be for. */
export const BATCH_ENDPOINTS = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
  '/v1/responses',
] as const;

export interface BatchLine {
  customId: string;
  path: string;
  dialect: Dialect;
  /** A view of the line. */
  body: Buffer;
  envelope: Envelope;
}

/** Without its place in the file. */
export type Wrong = Omit<LineError, 'line'>;

const MAX_CUSTOM_ID = 512;
/** Longer members of a line are none that it may have. */
const MAX_MEMBER = 8192;

/** What is wrong is the first thing that is, since the rest follows from it. */
export function readBatchLine(bytes: Buffer, endpoint: string): BatchLine | Wrong {
  let members: Envelope;
  try {
    members = membersOf(bytes);
  } catch (thrown) {
    if (!(thrown instanceof OutriderError)) throw thrown;
    return wrong('invalid_json_line', `the line is not a JSON object: ${reasonOf(thrown)}`);
  }
  const [twice] = members.duplicates;
  if (twice) return wrong('duplicate_member', `the line has "${twice.name}" more than once`, twice.name);
  for (const name of members.members.keys()) {
    if (!MEMBERS.has(name)) return wrong('unknown_parameter', `"${name}" is no member of a line`, name);
  }
  const customId = member(members, 'custom_id');
  if (typeof customId !== 'string' || customId === '' || customId.length > MAX_CUSTOM_ID) {
    return wrong(
      'invalid_custom_id',
      `custom_id must be a text of 1 to ${MAX_CUSTOM_ID} characters`,
      'custom_id',
    );
  }
  const method = member(members, 'method');
  if (method !== 'POST')
    return wrong('invalid_method', `method is ${shown(method)}; it must be "POST"`, 'method');
  const path = member(members, 'url');
  if (path !== endpoint) {
    return wrong('invalid_url', `url is ${shown(path)}; this batch is for "${endpoint}"`, 'url');
  }
  const range = members.members.get('body');
  if (range === undefined) return wrong('missing_required_parameter', 'body is required', 'body');
  const body = bytes.subarray(range.valueStart, range.end);
  const resolved = endpointAt(endpoint);
  if (resolved?.kind !== 'Endpoint') throw new Error(`${endpoint} is no endpoint`);
  const { dialect } = resolved.endpoint;
  try {
    const envelope = dialect.readRequest(body);
    if (envelope.stream)
      return wrong('invalid_request', 'body.stream must not be true in a batch', 'body.stream');
    return { customId, path: endpoint, dialect, body, envelope };
  } catch (thrown) {
    if (!(thrown instanceof OutriderError)) throw thrown;
    return wrong('invalid_request', `body: ${thrown.message}`, 'body');
  }
}

export const isWrong = (line: BatchLine | Wrong): line is Wrong => 'code' in line;

const MEMBERS = new Set(['custom_id', 'method', 'url', 'body']);

function member({ body, members }: Envelope, name: string): unknown {
  const range = members.get(name);
  if (range === undefined || range.end - range.valueStart > MAX_MEMBER) return undefined;
  return JSON.parse(body.toString('utf8', range.valueStart, range.end));
}

function shown(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 100);
}

const wrong = (code: string, message: string, param: string | null = null): Wrong => ({
  code,
  message,
  param,
});

const reasonOf = (error: OutriderError): string => String(error.params.reason ?? error.message);
