/**
 * The one judge of a snapshot item: `compile` asks it before it sends, the sidecar before it swaps. It covers every field
 * of `schema.ts`; an item with anything unknown in it is refused, since what is not known is not enforced.
 */
import { withoutUnknownAdvice } from './advisory.ts';
import {
  all,
  boolean,
  type Check,
  distinct,
  integer,
  list,
  oneOf,
  only,
  shape,
  text,
  wrong,
} from './check.ts';
import { affinity } from './checks/affinity.ts';
import { batch, deferred } from './checks/batch.ts';
import { budgets } from './checks/budgets.ts';
import { cache } from './checks/cache.ts';
import { chargeback } from './checks/chargeback.ts';
import { constraints, dataPolicy, onNoTarget, quality, region } from './checks/constraints.ts';
import { context, maxOutputTokens } from './checks/context.ts';
import { experiment, experimentOf } from './checks/experiment.ts';
import { failoverLists, hedge, learned, listsAgree, retryBudget } from './checks/hedging.ts';
import { admission, concurrency, errorRate, limits, slowCall } from './checks/limits.ts';
import { activeCheck, locality, spillover } from './checks/outlook.ts';
import { rateLimits } from './checks/rate-limits.ts';
import { classification, definedSignals, matchSignals, promptSignals, signals } from './checks/signals.ts';
import { strategy } from './checks/strategy.ts';
import { fieldsOf } from './fields.ts';
import { certificates, json, pattern, url } from './formats.ts';
import { isManagementPath, segmentsOf } from './paths.ts';
import { fullPrices, parameters, prices, workload } from './provider-shapes.ts';
import { PROVIDER_TYPE_NAMES } from './provider-types.ts';
import {
  type CredentialBody,
  FAILURE_CLASSES,
  FEATURES,
  type MatchBody,
  type PatchBody,
  type ProviderItem,
  type RouteItem,
  type RuleBody,
  type SnapshotItem,
} from './schema.ts';

export type Verified = { ok: true; item: SnapshotItem } | { ok: false; reason: string };

/** Longest timer Node can run, in milliseconds; a longer one would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** Header names a resource may not set and a caller may not forward: credentials, framing, and our own. */
const RESERVED_HEADER =
  /^(authorization|proxy-.*|x-api-key|api-key|x-goog-api-key|x-amz-security-token|cookie|set-cookie|host|content-length|content-type|content-encoding|accept-encoding|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|x-outrider-.*)$/i;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/;
const NAME = '[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?';
const ROUTE_ID = new RegExp(`^route/${NAME}/${NAME}$`);
const PROVIDER_ID = new RegExp(`^provider/${NAME}/${NAME}$`);
const SPLICED = ['model', 'messages', 'input', 'prompt', 'stream', 'stream_options'];
const CAPABILITIES = [
  'Chat',
  'Completions',
  'Embeddings',
  'Tools',
  'Vision',
  'JSONSchema',
  'Rerank',
  'Reasoning',
];

const label = text(63, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'a name of lower-case letters, digits and dashes');
const objectName = text(253, new RegExp(`^${NAME}$`), 'the name of an object');
const model = text(256, /^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$/, 'the name of a model');
const count = integer(0, 100_000_000);
const weight = integer(0, 1_000_000);
const wait = integer(0, MAX_TIMER_MS);
const timeout = integer(1, MAX_TIMER_MS);

const headerName: Check = (value, path) =>
  text(256, HEADER_NAME, 'a header name')(value, path) ??
  (RESERVED_HEADER.test(value as string)
    ? wrong(path, value, 'another header: credentials, framing and x-outrider-* are not set by hand')
    : undefined);
const lowerCase: Check = (value, path) =>
  typeof value === 'string' && value === value.toLowerCase() ? undefined : wrong(path, value, 'lower-case');
const headerValue: Check = (value, path) =>
  typeof value === 'string' && value.length <= 4096 && /^[\x20-\x7e\t]*$/.test(value)
    ? undefined
    : `${path} must be up to 4096 printable characters`;
const header = shape({ name: headerName, value: headerValue });
const uniqueHeaders = distinct((h: { name: string }) => h.name.toLowerCase(), 'header');
const byName = (what: string) => distinct((entry: { name: string }) => entry.name, what);

const bounds: Check = all(shape({}, { min: count, max: count }), (value, path) => {
  const { min, max } = value as { min?: number; max?: number };
  if (min === undefined && max === undefined) return `${path} needs min or max`;
  return (min ?? 0) <= (max ?? Infinity) ? undefined : `${path}.min is ${min}, more than max ${max}`;
});

const headerMatch: Check = all(
  shape({
    name: text(256, HEADER_NAME, 'a header name'),
    type: oneOf(['Exact', 'Prefix', 'RegularExpression']),
    value: text(4096),
  }),
  (value, path) => {
    const { type, value: source } = value as NonNullable<MatchBody['headers']>[number];
    return type === 'RegularExpression' ? pattern(source, `${path}.value`) : undefined;
  },
);

const match = shape(
  {},
  {
    headers: list(headerMatch, 16, 1),
    paths: list(text(256, /^\/[A-Za-z0-9._~/-]*$/, 'an absolute path'), 16, 1),
    models: list(model, 64, 1),
    prompt: shape(
      {},
      {
        tokens: bounds,
        turns: bounds,
        contains: list(all(text(1024), lowerCase), 64, 1),
        pattern,
        ...promptSignals,
      },
    ),
    request: shape(
      {},
      { tools: boolean, vision: boolean, jsonSchema: boolean, stream: boolean, reasoning: boolean },
    ),
    ...matchSignals,
  },
);

const memberName = text(128, /^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of a top-level member');
const patchable: Check = (value, path) =>
  memberName(value, path) ??
  (SPLICED.includes(value as string) ? wrong(path, value, 'none of '.concat(SPLICED.join(', '))) : undefined);
const member = shape({ name: patchable, value: json });

const patch: Check = all(
  shape({
    set: list(member, 32),
    default: list(member, 32),
    remove: list(patchable, 32),
    headers: all(list(header, 32), uniqueHeaders),
  }),
  (value, path) => {
    const { set, default: defaults, remove } = value as PatchBody;
    const names = [...set.map((m) => m.name), ...defaults.map((m) => m.name), ...remove];
    return distinct((name: string) => name, 'member')(names, path);
  },
);

const target = shape(
  {
    name: label,
    provider: text(640, PROVIDER_ID, 'provider/<namespace>/<name>'),
    weight,
    priority: integer(0, 1000),
    patch,
  },
  { model, credential: label, credentials: list(label, 32), unresolved: text(1024), spillover },
);

const pathPrefix: Check = (value, path) => {
  const problem = text(
    256,
    /^\/v1(?:beta)?\/[A-Za-z0-9._~/-]+$/,
    'a path below /v1/ or /v1beta/',
  )(value, path);
  if (problem) return problem;
  const segments = segmentsOf(value as string);
  if (!segments) return wrong(path, value, 'a path without empty, "." or ".." segments');
  return isManagementPath(segments)
    ? wrong(path, value, 'another path: what manages an organisation is never passed through')
    : undefined;
};

const rule: Check = all(
  shape(
    {
      name: label,
      matches: list(match, 32),
      strategy,
      targets: all(list(target, 32, 1), byName('target')),
      failover: shape(
        {
          on: all(
            list(oneOf(FAILURE_CLASSES), 16),
            distinct((name: string) => name, 'failure'),
          ),
          maxAttempts: integer(1, 10),
          backoff: all(shape({ baseMs: wait, maxMs: wait }), (value, path) => {
            const { baseMs, maxMs } = value as RuleBody['failover']['backoff'];
            return baseMs <= maxMs ? undefined : `${path}.base is ${baseMs}ms, more than max ${maxMs}ms`;
          }),
        },
        { to: failoverLists, retryBudget },
      ),
      timeouts: shape({
        connectMs: timeout,
        firstTokenMs: timeout,
        interTokenMs: timeout,
        attemptMs: timeout,
        requestMs: timeout,
        clientStallMs: timeout,
      }),
      holdMaxMs: wait,
      passthrough: list(
        shape({
          methods: list(oneOf(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']), 5, 1),
          pathPrefix,
        }),
        32,
      ),
      statefulTarget: integer(0, 31),
      forwardHeaders: list(all(headerName, lowerCase), 32),
    },
    {
      unsupportedParameters: oneOf(['Reject', 'Drop']),
      responses: shape({ store: only('Never') }),
      constraints,
      onNoTarget,
      admission,
      context: context(target),
      maxOutputTokens,
      batch,
      async: deferred,
      rateLimits,
      hedge,
      learned,
      reasoningFirstTokenMs: timeout,
      patient: only(true),
      affinity,
      cache: cache(target),
      experiment,
      locality,
      unmetered: only('Allow'),
    },
  ),
  (value, path) => {
    const { statefulTarget, targets } = value as RuleBody;
    return statefulTarget < targets.length
      ? (listsAgree(value as RuleBody, path) ?? experimentOf(value as RuleBody, path))
      : wrong(`${path}.statefulTarget`, statefulTarget, `below ${targets.length}, the number of targets`);
  },
);

const variant = shape({ form: oneOf(['Exact', 'Dated', 'Prefix']), text: model });
const served = shape(
  { name: model, upstreamName: model },
  {
    catalogued: only(true),
    variants: list(variant, 64),
    capabilities: list(oneOf(CAPABILITIES), 16, 1),
    contextWindow: integer(1, 100_000_000),
    maxOutputTokens: integer(1, 100_000_000),
    prices,
    fullPrices,
    quality,
    limits,
  },
);
const credential: Check = all(
  shape(
    {
      name: label,
      id: text(640),
      type: oneOf(['APIKey', 'Passthrough', 'Token', 'AWSSession', 'Workload']),
      weight,
    },
    { version: text(128), workload, limits },
  ),
  (value, path) => {
    const { type, workload: identity } = value as CredentialBody;
    if ((type === 'Workload') === (identity !== undefined)) return undefined;
    return wrong(`${path}.workload`, identity, type === 'Workload' ? 'an identity' : 'absent');
  },
);

const ROUTE_BODY = all(
  shape(
    {
      namespace: objectName,
      name: objectName,
      uid: text(640),
      rules: all(list(rule, 64, 1), byName('rule')),
    },
    { signals: signals(target), classification, chargeback, budgets },
  ),
  definedSignals,
);
const PROVIDER_BODY = shape(
  {
    namespace: objectName,
    name: objectName,
    type: oneOf(PROVIDER_TYPE_NAMES),
    url,
    headers: all(list(header, 32), uniqueHeaders),
    credentials: all(list(credential, 32), byName('credential')),
    // Declared models are at most 256; catalogues of resellers list more.
    models: all(list(served, 2048), byName('model')),
    openModels: boolean,
    streamUsage: oneOf(['Always', 'OnRequest', 'Never']),
    passive: shape(
      { consecutiveErrors: integer(1, 1000), ejectionMs: timeout, maxEjectionMs: timeout },
      { slowCall, errorRate },
    ),
  },
  { caBundle: certificates, parameters, region, dataPolicy, limits, concurrency, active: activeCheck },
);

const HEADER = {
  generation: integer(0, Number.MAX_SAFE_INTEGER),
  state: oneOf(['Valid', 'Invalid']),
  requires: list(text(128), 64),
};
const MAYBE = { advisory: list(text(256), 64), reason: text(1024) };
const ANY: Check = () => undefined;
const keptProvider = shape({
  provider: text(640, PROVIDER_ID, 'provider/<namespace>/<name>'),
  credentials: list(shape({ id: text(640), version: text(128) }), 32),
});
const ROUTE = shape(
  {
    kind: only('Route'),
    id: text(640, ROUTE_ID, 'route/<namespace>/<name>'),
    rank: integer(0, Number.MAX_SAFE_INTEGER),
    models: all(list(text(256, /^([A-Za-z0-9][A-Za-z0-9._:/@+-]*\*?|\*)$/, 'a model, prefix* or *'), 64)),
    ...HEADER,
  },
  { ...MAYBE, keeps: list(keptProvider, 1024, 1), body: ANY },
);
const PROVIDER = shape(
  { kind: only('Provider'), id: text(640, PROVIDER_ID, 'provider/<namespace>/<name>'), ...HEADER },
  { ...MAYBE, body: ANY },
);

/** Everything an item may hold, by path from the item, such as `body.rules[].name`; and of each, what it takes. */
export const CONTRACT = {
  Route: fieldsOf(ROUTE, ROUTE_BODY),
  Provider: fieldsOf(PROVIDER, PROVIDER_BODY),
};

/**
 * Judges one item as it came off the wire, or as it is about to be sent; advisory fields that are not known here are left
 * out of what is given back. Never throws.
 */
export function validateItem(item: unknown): Verified {
  const kind = (item as { kind?: unknown } | null | undefined)?.kind;
  if (kind !== 'Route' && kind !== 'Provider')
    return { ok: false, reason: wrong('kind', kind, 'Route or Provider') };
  const known = withoutUnknownAdvice(item as object, CONTRACT[kind]);
  const reason = (kind === 'Route' ? ROUTE : PROVIDER)(known, 'item') ?? judge(known as SnapshotItem);
  return reason === undefined ? { ok: true, item: known as SnapshotItem } : { ok: false, reason };
}

function judge(item: RouteItem | ProviderItem): string | undefined {
  if (item.state === 'Invalid') {
    if (item.body !== undefined) return 'an Invalid item carries no body';
    return item.reason === undefined ? 'an Invalid item says why' : undefined;
  }
  // Features first: they say that the rest was written for a newer sidecar.
  const lacking = item.requires.find((name) => !(FEATURES as readonly string[]).includes(name));
  if (lacking !== undefined) return `needs feature ${lacking}, which this version lacks`;
  if (item.body === undefined) return 'a Valid item carries a body';
  if (item.kind === 'Route' && item.keeps) return 'a Valid item keeps nothing: it lists what it uses';
  const problem = item.kind === 'Route' ? ROUTE_BODY(item.body, 'spec') : PROVIDER_BODY(item.body, 'spec');
  if (problem) return problem;
  const { namespace, name } = item.body;
  if (item.id !== `${item.kind.toLowerCase()}/${namespace}/${name}`) return `body is of ${namespace}/${name}`;
  if (item.kind === 'Route') return item.models.length > 0 ? undefined : 'a route serves at least one model';
  const stray = item.body.credentials.find((c) => c.id !== `${namespace}/${name}/${c.name}`);
  if (stray) return wrong(`credential ${stray.name} id`, stray.id, `${namespace}/${name}/${stray.name}`);
  const { ejectionMs, maxEjectionMs } = item.body.passive;
  return ejectionMs <= maxEjectionMs
    ? undefined
    : `ejectionTime is ${ejectionMs}ms, more than maxEjectionTime ${maxEjectionMs}ms`;
}
