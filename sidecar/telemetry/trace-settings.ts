/** What the standard OpenTelemetry variables ask for. Pure: the environment is an argument. */
import type { SamplerSettings } from './sampler.ts';

export interface TraceSettings {
  /** URL that spans are posted to. */
  url: string;
  /** Longest that one export may take, its tries included, in milliseconds. */
  timeoutMs: number;
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
      resource: readResource(env, problems),
      sampler: readSampler(env, problems),
    },
    problems,
  };
}

const TIMEOUT_MS = 10_000;

function readTimeout(env: Environment, problems: string[]): number {
  const text = env.OTEL_EXPORTER_OTLP_TRACES_TIMEOUT || env.OTEL_EXPORTER_OTLP_TIMEOUT || String(TIMEOUT_MS);
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

const PAIR = /^\s*([^=,\s]+)\s*=\s*([^=,]*?)\s*$/;

/** `key=value,key=value`, percent-encoded. One malformed pair voids the list, as the specification has it. */
function readResource(env: Environment, problems: string[]): Record<string, string> {
  let attributes: Record<string, string> = {};
  for (const pair of (env.OTEL_RESOURCE_ATTRIBUTES ?? '').split(',')) {
    if (pair.trim() === '') continue;
    const match = PAIR.exec(pair);
    try {
      if (!match) throw new URIError();
      attributes[decodeURIComponent(match[1] as string)] = decodeURIComponent(match[2] as string);
    } catch {
      problems.push(
        'OTEL_RESOURCE_ATTRIBUTES: not a list of key=value pairs, percent-encoded; it is ignored',
      );
      attributes = {};
      break;
    }
  }
  return {
    ...attributes,
    'service.name': env.OTEL_SERVICE_NAME || attributes['service.name'] || 'outrider',
  };
}
