/** What the standard OpenTelemetry variables ask for. Pure: the environment is an argument. */
import type { SamplerSettings } from './sampler.ts';

export interface TraceSettings {
  /** URL that spans are posted to. */
  url: string;
  /** Longest that one export may take, its tries included, in milliseconds. */
  timeoutMs: number;
  /** Sent with every export; names in lower case. */
  headers: Record<string, string>;
  /** Batches are compressed. */
  gzip: boolean;
  /** PEM files: who signs the collector's certificate, and a certificate of our own. */
  files: { ca: string | undefined; cert: string | undefined; key: string | undefined };
  resource: Record<string, string>;
  sampler: SamplerSettings;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface TraceSettingsReading {
  /** Undefined: no exporter is configured, or it cannot be used. */
  settings: TraceSettings | undefined;
  /** Values that are not followed, in sentences for the log. Values themselves are not repeated: URLs can hold secrets. */
  problems: string[];
}

export function readTraceSettings(env: Environment): TraceSettingsReading {
  const problems: string[] = [];
  const none = { settings: undefined, problems };
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || env.OTEL_TRACES_EXPORTER === 'none') return none;
  const own = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || undefined;
  const base = env.OTEL_EXPORTER_OTLP_ENDPOINT || undefined;
  if (own === undefined && base === undefined) return none;

  if ((env.OTEL_TRACES_EXPORTER || 'otlp') !== 'otlp') {
    problems.push('OTEL_TRACES_EXPORTER: only "otlp" and "none" exist here; no spans are sent');
    return none;
  }
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL;
  if (protocol === 'grpc') {
    problems.push(
      'OTEL_EXPORTER_OTLP_PROTOCOL: grpc is not supported, only OTLP over HTTP; no spans are sent',
    );
    return none;
  }
  if (protocol !== undefined && protocol !== '' && protocol !== 'http/protobuf') {
    problems.push('OTEL_EXPORTER_OTLP_PROTOCOL: only http/protobuf exists here; it is used');
  }
  const url = own ?? `${(base as string).replace(/\/$/, '')}/v1/traces`;
  const name = own === undefined ? 'OTEL_EXPORTER_OTLP_ENDPOINT' : 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT';
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    problems.push(`${name}: not an http or https URL; no spans are sent`);
    return none;
  }
  return {
    settings: {
      url,
      timeoutMs: readTimeout(env, problems),
      headers: readHeaders(env, problems),
      gzip: readGzip(env, problems),
      files: {
        ca: either(env, 'CERTIFICATE'),
        cert: either(env, 'CLIENT_CERTIFICATE'),
        key: either(env, 'CLIENT_KEY'),
      },
      resource: readResource(env, problems),
      sampler: readSampler(env, problems),
    },
    problems,
  };
}

/** What is set for traces stands over what is set for everything. */
function either(env: Environment, name: string): string | undefined {
  return env[`OTEL_EXPORTER_OTLP_TRACES_${name}`] || env[`OTEL_EXPORTER_OTLP_${name}`] || undefined;
}

const TIMEOUT_MS = 10_000;

function readTimeout(env: Environment, problems: string[]): number {
  const text = either(env, 'TIMEOUT') ?? String(TIMEOUT_MS);
  const timeout = Number(text);
  if (timeout > 0 && timeout <= 600_000) return timeout;
  problems.push('OTEL_EXPORTER_OTLP_TIMEOUT: not a number of milliseconds from 1 to 600000; 10000 is used');
  return TIMEOUT_MS;
}

const RATIO_SAMPLERS = new Set(['traceidratio', 'parentbased_traceidratio']);
const FIXED_RATIOS: Readonly<Record<string, number>> = {
  always_on: 1,
  always_off: 0,
  parentbased_always_on: 1,
  parentbased_always_off: 0,
};

function readSampler(env: Environment, problems: string[]): SamplerSettings {
  const name = env.OTEL_TRACES_SAMPLER || 'parentbased_always_on';
  const parentBased = name.startsWith('parentbased_');
  const fixed = FIXED_RATIOS[name];
  if (fixed !== undefined) return { parentBased, ratio: fixed };
  if (!RATIO_SAMPLERS.has(name)) {
    problems.push('OTEL_TRACES_SAMPLER: unknown name; parentbased_always_on is used');
    return { parentBased: true, ratio: 1 };
  }
  const text = env.OTEL_TRACES_SAMPLER_ARG || '1';
  const ratio = Number(text);
  if (text.trim() === '' || !(ratio >= 0 && ratio <= 1)) {
    problems.push('OTEL_TRACES_SAMPLER_ARG: not a number from 0 to 1; 1 is used');
    return { parentBased, ratio: 1 };
  }
  return { parentBased, ratio };
}

function readGzip(env: Environment, problems: string[]): boolean {
  const text = either(env, 'COMPRESSION') ?? 'none';
  if (text !== 'gzip' && text !== 'none') {
    problems.push('OTEL_EXPORTER_OTLP_COMPRESSION: only "gzip" and "none" exist here; none is used');
  }
  return text === 'gzip';
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e]*$/;

/** A header that the second list names too is sent as it stands there. */
function readHeaders(env: Environment, problems: string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS']) {
    const pairs = readPairs(env[name]);
    const fit = pairs?.every(([key, value]) => HEADER_NAME.test(key) && HEADER_VALUE.test(value));
    if (!pairs || !fit) problems.push(`${name}: ${NO_PAIRS}`);
    else for (const [key, value] of pairs) headers[key.toLowerCase()] = value;
  }
  return headers;
}

function readResource(env: Environment, problems: string[]): Record<string, string> {
  const pairs = readPairs(env.OTEL_RESOURCE_ATTRIBUTES);
  if (!pairs) problems.push(`OTEL_RESOURCE_ATTRIBUTES: ${NO_PAIRS}`);
  const attributes: Record<string, string> = Object.fromEntries(pairs ?? []);
  return {
    ...attributes,
    'service.name': env.OTEL_SERVICE_NAME || attributes['service.name'] || 'outrider',
  };
}

const NO_PAIRS = 'not a list of key=value pairs, percent-encoded; it is ignored';
const PAIR = /^\s*([^=,\s]+)\s*=\s*([^,]*?)\s*$/;

/** `key=value,key=value`, percent-encoded. One malformed pair voids the list, as the specification has it. */
function readPairs(list: string | undefined): [key: string, value: string][] | undefined {
  const pairs: [string, string][] = [];
  for (const pair of (list ?? '').split(',')) {
    if (pair.trim() === '') continue;
    const match = PAIR.exec(pair);
    if (!match) return undefined;
    try {
      pairs.push([decodeURIComponent(match[1] as string), decodeURIComponent(match[2] as string)]);
    } catch {
      return undefined;
    }
  }
  return pairs;
}
