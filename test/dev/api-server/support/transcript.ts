/**
 * Recorded exchanges with a real API server, and their replay against another one.
 *
 * What differs from run to run is replaced by names in the order of first sight: `<uid-1>`, `<version-2>`, `<continue-1>`.
 * A request that uses such a value is recorded with the name and replayed with the value of the server replayed against.
 */
import type { Client, Exchange, Json } from './client.ts';

export interface Transcript {
  recorded: { server: string; date: string };
  scenario: string;
  exchanges: Exchange[];
}

type Names = Map<string, string>;
const LIST_VERSION = '<list-version>';

/** Gives every volatile value a name, and finds the value of a name again. */
export class Namer {
  readonly #names: Names = new Map();
  readonly #values: Names = new Map();
  readonly #counts: Record<string, number> = {};

  nameOf(kind: string, value: string): string {
    const known = this.#names.get(`${kind} ${value}`);
    if (known) return known;
    this.#counts[kind] = (this.#counts[kind] ?? 0) + 1;
    const name = `<${kind}-${this.#counts[kind]}>`;
    this.#names.set(`${kind} ${value}`, name);
    this.#values.set(name, value);
    return name;
  }

  known(kind: string, value: string): string | undefined {
    return this.#names.get(`${kind} ${value}`);
  }

  /** `text` with names replaced by values. */
  fill(text: string): string {
    return text.replace(/<[a-z]+(-[a-z]+)?-\d+>/g, (name) => this.#values.get(name) ?? name);
  }
}

/** The normal form of an exchange: what two servers must agree on. */
export function normalise(exchange: Exchange, namer: Namer): Exchange {
  // Requests first: they use only what was named before.
  const request = nameRequest(exchange.request, namer);
  const { body, warnings, ...rest } = exchange.response;
  return {
    request,
    response: { ...rest, ...(warnings && { warnings: [...warnings].sort() }), body: nameAnswer(body, namer) },
  };
}

function nameRequest(request: Exchange['request'], namer: Namer): Exchange['request'] {
  const url = new URL(request.path, 'http://x');
  for (const [parameter, kinds] of [
    ['resourceVersion', ['version', 'list-version']],
    ['continue', ['continue']],
  ] as const) {
    const value = url.searchParams.get(parameter);
    const name = value && kinds.map((kind) => namer.known(kind, value)).find(Boolean);
    if (name) url.searchParams.set(parameter, name);
  }
  const path = decodeURIComponent(url.pathname + url.search);
  const body = mapStrings(request.body, (value, key) => {
    if (TIME_FIELDS.has(key)) return value.replace(TIME, ANY_TIME);
    const kind = key === 'uid' ? 'uid' : key === 'resourceVersion' ? 'version' : undefined;
    return (kind && namer.known(kind, value)) ?? value;
  });
  return { ...request, path, ...(body !== undefined && { body }) };
}

function nameAnswer(body: Json, namer: Namer): Json {
  if (Array.isArray(body))
    return body.map((event) => ({ ...event, object: nameAnswer(event.object, namer) }));
  if (typeof body !== 'object' || body === null) return body;
  const named = walk(body, namer);
  const version = body.metadata?.resourceVersion;
  const isList =
    Array.isArray(body.items) || body.kind === 'Table' || body.metadata?.creationTimestamp === undefined;
  if (version && isList) {
    namer.nameOf('list-version', version);
    named.metadata.resourceVersion = LIST_VERSION;
  }
  if (body.kind === 'Status' && body.message) named.message = messageOf(body);
  if (body.kind === 'APIResourceList')
    for (const resource of named.resources) delete resource.storageVersionHash;
  return named;
}

const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;
/** Of requests, which send times back but are never judged by them. */
const ANY_TIME = '2000-01-01T00:00:00Z';
const TIME_FIELDS = new Set(['creationTimestamp', 'deletionTimestamp', 'time']);

function walk(value: Json, namer: Namer, key = ''): Json {
  if (Array.isArray(value)) {
    const items = value.map((item) => walk(item, namer, key));
    // The real server answers these in no particular order, or by the second they were written in.
    if (key === 'causes' || key === 'managedFields')
      items.sort((a, b) => order(a) - order(b) || (text(a) < text(b) ? -1 : 1));
    // It also says the same twice where metadata is validated twice.
    return key === 'causes' ? items.filter((item, index) => text(item) !== text(items[index - 1])) : items;
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.keys(value)
      .sort()
      .map((name) => [name, walk(value[name], namer, name)]);
    const named = Object.fromEntries(entries);
    // The real server's documentation of metadata.
    if (key === 'columnDefinitions' && (named.format === 'name' || named.type === 'date'))
      delete named.description;
    return named;
  }
  if (typeof value !== 'string') return value;
  if (key === 'uid') return namer.nameOf('uid', value);
  if (key === 'resourceVersion') return namer.nameOf('version', value);
  if (key === 'continue') return value && namer.nameOf('continue', value);
  if (TIME_FIELDS.has(key)) return '<time>';
  if (key.endsWith('/last-applied-configuration')) return text(walk(JSON.parse(value), namer));
  if (key === 'message')
    return value.replace(/^Invalid value: "\{.*\}": strict/, 'Invalid value: <object>: strict');
  if (key === 'name' && /^gen-[a-z0-9]{5}$/.test(value)) return '<generated>';
  if (key === 'cells' && /^\d+s$/.test(value)) return '<age>';
  return value.replace(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/g, (uid) => namer.nameOf('uid', uid));
}

const text = (value: Json): string => JSON.stringify(value);
const order = (entry: Json): number => (entry.operation === 'Apply' ? 0 : 1);

/** Messages without the order of their causes, versions and times. */
function messageOf(status: Json): string {
  const causes: Json[] = status.details?.causes ?? [];
  const head = /^(.*? is invalid: )/.exec(status.message)?.[1];
  if (head && causes.length > 0) return `${head}<causes>`;
  return (status.message as string)
    .replace(TIME, '<time>')
    .replace(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/g, '<uid>')
    .replace(/\(\d+\)/g, '(<version>)')
    .replace(/StorageError: .* AdditionalErrorMsg: /, '')
    .replace(/(current|ResourceVersion): \d+/g, '$1: <version>');
}

function mapStrings(value: Json, change: (value: string, key: string) => string, key = ''): Json {
  if (typeof value === 'string') return change(value, key);
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, change, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, mapStrings(item, change, name)]),
  );
}

/** Sends the recorded requests to `client`; answers its exchanges in normal form. */
export async function replay(transcript: Transcript, client: Client): Promise<Exchange[]> {
  const namer = new Namer();
  const seen: Exchange[] = [];
  client.recorder = (exchange) => {
    seen.push(normalise(exchange, namer));
  };
  for (const { request } of transcript.exchanges) {
    const path = namer.fill(request.path).replaceAll(' ', '%20');
    const body = mapStrings(request.body, (value) => namer.fill(value));
    const { events, ...ask } = request;
    if (events === undefined) await client.send({ ...ask, path, ...(body !== undefined && { body }) });
    else await client.watch(path, events, request.accept);
  }
  client.recorder = undefined;
  return seen;
}
