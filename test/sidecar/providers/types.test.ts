/**
 * Each provider type against its vendor's documented shapes: what is sent, what is read of an answer, what an error means. The
 * answers under `fixtures/` go through a whole dispatch, to a caller of OpenAI's dialect.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { PROVIDER_TYPES as PROVIDER_TYPES_OF_RESOURCES } from '../../../crds/llmprovider.ts';
import { eventMessage } from '../../../dev/providers/event-stream.ts';
import type { Usage } from '../../../sidecar/accounting/usage.ts';
import { loadTranslation, openWay, wayTo } from '../../../sidecar/dialects/pairing.ts';
import { classify } from '../../../sidecar/providers/failures.ts';
import { retryAfterMs } from '../../../sidecar/providers/retry-after.ts';
import { PROVIDER_TYPES } from '../../../sidecar/providers/types.ts';
import { variantOf } from '../../../sidecar/providers/variant.ts';
import {
  PROVIDER_TYPE_NAMES,
  type ProviderParameters,
  type ProviderTypeName,
  TYPE_DEFAULTS,
} from '../../../sidecar/snapshot/provider-types.ts';
import type { CredentialBody } from '../../../sidecar/snapshot/schema.ts';
import { ask } from '../dispatch/client.ts';
import { front, upstream } from '../dispatch/harness.ts';

const FIXTURES = path.join(import.meta.dirname, 'fixtures');
const KEY = 'sk-test-key';
const NOW = Date.parse('2026-11-20T12:00:00Z');
/** Headers in which any vendor takes credentials. */
const AUTH_HEADERS = ['authorization', 'x-api-key', 'api-key', 'x-goog-api-key'];

interface Call {
  model: string;
  parameters?: ProviderParameters;
  credential?: CredentialBody['type'];
  path: string;
  headers: Record<string, string>;
  /** File with the answer. */
  answer?: string;
}
interface Expected extends Call {
  basePath: string;
  streamPath: string;
  usage: Usage;
  streamUsage: Usage;
  /** Other ways in which the vendor is called, with what differs. */
  also?: Partial<Call>[];
  streamError?: { event?: string; data: object; verdict: string };
}
interface ErrorCase {
  status: number;
  headers?: Record<string, string>;
  body: object;
  verdict: string;
  retryAfterMs?: number;
}

const read = (name: string, file: string): string => readFileSync(path.join(FIXTURES, name, file), 'utf8');
const json = (name: string, file: string): unknown => JSON.parse(read(name, file));
const expectedOf = (name: string): Expected => json(name, 'expected.json') as Expected;

function streamOf(name: string): { type: string; body: Buffer } {
  if (!readdirSync(path.join(FIXTURES, name)).includes('stream.json'))
    return { type: 'text/event-stream', body: Buffer.from(read(name, 'stream.sse')) };
  const events = json(name, 'stream.json') as [string, object][];
  const body = Buffer.concat(events.map(([event, payload]) => eventMessage(event, payload)));
  return { type: 'application/vnd.amazon.eventstream', body };
}

const typeFor = (name: ProviderTypeName, { model, parameters }: Pick<Call, 'model' | 'parameters'>) =>
  variantOf(PROVIDER_TYPES[name], { ...(parameters && { parameters }) }, model);

function wayFor(name: ProviderTypeName, call: Call) {
  const way = wayTo('openai-chat', typeFor(name, call));
  if (!way) throw new Error(`${name} cannot be told a chat request`);
  return openWay(way);
}

/** What the vendor was sent, and what the caller got, for one request. */
async function call(name: ProviderTypeName, expected: Expected, one: Call, stream: boolean) {
  const answer = stream
    ? streamOf(name)
    : { type: 'application/json', body: Buffer.from(read(name, one.answer ?? 'response.json')) };
  const vendor = await upstream((res) => {
    res.writeHead(200, { 'content-type': answer.type });
    res.end(answer.body);
  });
  const type = one.credential ?? 'APIKey';
  const target = {
    url: `http://127.0.0.1:${vendor.port}${expected.basePath}`,
    key: KEY,
    model: one.model,
    body: {
      type: name,
      streamUsage: TYPE_DEFAULTS[name].streamUsage,
      ...(one.parameters && { parameters: one.parameters }),
    },
  };
  const f = await front({ targets: [target] });
  const [candidate] = f.candidates;
  if (candidate?.credential) Object.assign(candidate.credential, { type });
  const body = JSON.stringify({
    model: 'assistant',
    max_tokens: 100,
    stream,
    messages: [{ role: 'user', content: 'What is the capital of France?' }],
  });
  const headers = { authorization: 'Bearer placeholder', 'x-api-key': 'placeholder' };
  const got = await ask(f.port, { body, headers }).answer;
  const exchange = await f.finished();
  return { seen: vendor.requests[0], got, attempt: exchange.attempts[0] };
}

const headersOf = (raw: readonly string[] = []): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: raw.length / 2 }, (_, i) => [
      (raw[2 * i] ?? '').toLowerCase(),
      raw[2 * i + 1] ?? '',
    ]),
  );

beforeAll(() => loadTranslation());

it('is of the types that resources can name', () => {
  expect(PROVIDER_TYPE_NAMES).toEqual(PROVIDER_TYPES_OF_RESOURCES);
});

it('has a fixture for every type, and a type for every fixture', () => {
  expect(readdirSync(FIXTURES).sort()).toEqual([...PROVIDER_TYPE_NAMES].sort());
});

describe.each(PROVIDER_TYPE_NAMES)('%s', (name) => {
  const expected = expectedOf(name);
  const calls: Call[] = [expected, ...(expected.also ?? []).map((also) => ({ ...expected, ...also }))];

  it.each(calls)('is called at $path, as its key says and as nobody else', async (one) => {
    const { seen, got } = await call(name, expected, one, false);
    expect(seen?.url).toBe(expected.basePath + one.path);
    const headers = headersOf(seen?.rawHeaders);
    expect(headers).toMatchObject(one.headers);
    for (const header of AUTH_HEADERS) expect(headers[header]).toBe(one.headers[header]);
    expect(seen?.url).not.toContain(KEY);
    expect(seen?.body.toString()).not.toContain(KEY);
    expect({ status: got.status, text: got.text }).toMatchObject({ status: 200 });
    expect(JSON.parse(got.text)).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { role: 'assistant', content: 'Paris.' }, finish_reason: 'stop' }],
    });
  });

  it('says what an answer used', async () => {
    const { attempt } = await call(name, expected, expected, false);
    const { wire, spoken } = wayFor(name, expected);
    expect(wire.readUsage(attempt?.rawUsage, spoken.quirks)).toEqual(expected.usage);
  });

  it('streams, and says what a stream used', async () => {
    const { seen, got, attempt } = await call(name, expected, expected, true);
    expect(seen?.url).toBe(expected.basePath + expected.streamPath);
    expect(got.status).toBe(200);
    const deltas = [...got.text.matchAll(/^data: (\{.*)$/gm)].map(
      ([, data = '']) =>
        (JSON.parse(data) as { choices?: { delta?: { content?: string } }[] }).choices?.[0]?.delta?.content ??
        '',
    );
    expect(deltas.join('')).toBe('Paris.');
    expect(attempt?.failure).toBeUndefined();
    const { wire, spoken } = wayFor(name, expected);
    expect(wire.readUsage(attempt?.rawUsage, spoken.quirks)).toEqual(expected.streamUsage);
  });

  it.each(json(name, 'errors.json') as ErrorCase[])('reads $status as $verdict: $body', (error) => {
    const { wire } = wayFor(name, expected);
    const body = Buffer.from(JSON.stringify(error.body, undefined, 2));
    const type = typeFor(name, expected);
    const told = classify(type, error.status, wire.readError(body), false);
    expect(`${told.class} ${told.scope}`).toBe(error.verdict);
    const raw = Object.entries(error.headers ?? {}).flat();
    expect(retryAfterMs(raw, type.retryAfter, NOW, body)).toBe(error.retryAfterMs);
  });
});

describe('an error inside a stream', () => {
  const told = PROVIDER_TYPE_NAMES.map((name) => ({ name, expected: expectedOf(name) }))
    .filter(({ expected }) => expected.streamError !== undefined)
    .map(({ name, expected }) => ({
      name,
      expected,
      ...(expected.streamError ?? { data: {}, verdict: '' }),
    }));

  it.each(told)('of $name is $verdict', ({ name, expected, data, event = '', verdict }) => {
    const { wire } = wayFor(name, expected);
    const bytes = Buffer.from(JSON.stringify(data));
    const whole = Buffer.concat([Buffer.from(`event: ${event}\ndata: `), bytes, Buffer.from('\n\n')]);
    const { error } = wire.openStream().read(whole, bytes);
    const judged = classify(typeFor(name, expected), error?.status, error, true);
    expect(`${judged.class} ${judged.scope}`).toBe(verdict);
  });
});
