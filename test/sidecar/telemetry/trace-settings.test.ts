import { describe, expect, it } from 'vitest';
import { readTraceSettings } from '../../../sidecar/telemetry/trace-settings.ts';

const BASE = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
const read = (env: Record<string, string>) => readTraceSettings({ ...BASE, ...env });

describe('the OTEL_* variables', () => {
  it('ask for nothing when no endpoint is named, or when they say so', () => {
    expect(readTraceSettings({})).toEqual({ settings: undefined, problems: [] });
    expect(readTraceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: '' }).settings).toBeUndefined();
    expect(read({ OTEL_SDK_DISABLED: 'TRUE' })).toEqual({ settings: undefined, problems: [] });
    expect(read({ OTEL_TRACES_EXPORTER: 'none' })).toEqual({ settings: undefined, problems: [] });
  });

  it('name the URL', () => {
    expect(read({}).settings?.url).toBe('http://collector:4318/v1/traces');
    expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c/otlp/' }).settings?.url).toBe(
      'https://c/otlp/v1/traces',
    );
    const own = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://other:1234/x' };
    expect(read(own).settings?.url).toBe('http://other:1234/x');
    expect(readTraceSettings(own).settings?.url).toBe('http://other:1234/x');
  });

  it('bound an export', () => {
    expect(read({}).settings?.timeoutMs).toBe(10_000);
    expect(read({ OTEL_EXPORTER_OTLP_TIMEOUT: '500' }).settings?.timeoutMs).toBe(500);
    const own = { OTEL_EXPORTER_OTLP_TIMEOUT: '500', OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '700' };
    expect(read(own).settings?.timeoutMs).toBe(700);
    expect(read({ OTEL_EXPORTER_OTLP_TIMEOUT: '0' })).toMatchObject({
      settings: { timeoutMs: 10_000 },
      problems: [expect.stringContaining('TIMEOUT')],
    });
  });

  it('describe the resource', () => {
    expect(read({}).settings?.resource).toEqual({ 'service.name': 'outrider' });
    const attributes = {
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=app, k8s.pod.name=a%2Cb ,deployment.environment=prod',
    };
    expect(read(attributes).settings?.resource).toEqual({
      'service.name': 'app',
      'k8s.pod.name': 'a,b',
      'deployment.environment': 'prod',
    });
    expect(read({ ...attributes, OTEL_SERVICE_NAME: 'mine' }).settings?.resource['service.name']).toBe(
      'mine',
    );
  });

  it('say how spans travel', () => {
    expect(read({}).settings).toMatchObject({ headers: {}, gzip: false, files: {} });
    const env = {
      OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Basic dTpw==,x-scope=a%2Cb',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'X-Scope=c',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_CERTIFICATE: '/ca',
      OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: '/own',
      OTEL_EXPORTER_OTLP_CLIENT_KEY: '/key',
    };
    expect(read(env)).toMatchObject({
      settings: {
        headers: { authorization: 'Basic dTpw==', 'x-scope': 'c' },
        gzip: true,
        files: { ca: '/own', cert: undefined, key: '/key' },
      },
      problems: [],
    });
  });

  it('choose the sampler', () => {
    const sampler = (name: string, arg = '') =>
      read({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: arg }).settings?.sampler;
    expect(read({}).settings?.sampler).toEqual({ parentBased: true, ratio: 1 });
    expect(sampler('always_off')).toEqual({ parentBased: false, ratio: 0 });
    expect(sampler('parentbased_always_off')).toEqual({ parentBased: true, ratio: 0 });
    expect(sampler('traceidratio', '0.25')).toEqual({ parentBased: false, ratio: 0.25 });
    expect(sampler('parentbased_traceidratio')).toEqual({ parentBased: true, ratio: 1 });
  });

  it.each([
    ['OTEL_TRACES_EXPORTER', 'zipkin', false],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', false],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318', false],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'ftp://x', false],
    ['OTEL_TRACES_SAMPLER', 'jaeger_remote', true],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json', true],
    ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zstd', true],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=b,nonsense', true],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a b=c', true],
    ['OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'a=%0a', true],
    ['OTEL_RESOURCE_ATTRIBUTES', 'a=b,nonsense', true],
    ['OTEL_RESOURCE_ATTRIBUTES', 'a=%zz', true],
  ])('say what is not followed: %s=%s', (name, value, works) => {
    const { settings, problems } = read({ [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(name);
    expect(settings !== undefined).toBe(works);
  });

  it('say so of a ratio that is none', () => {
    for (const arg of ['1.5', '-1', 'half', ' ']) {
      const { settings, problems } = read({
        OTEL_TRACES_SAMPLER: 'traceidratio',
        OTEL_TRACES_SAMPLER_ARG: arg,
      });
      expect(problems).toEqual(['OTEL_TRACES_SAMPLER_ARG: not a number from 0 to 1; 1 is used']);
      expect(settings?.sampler).toEqual({ parentBased: false, ratio: 1 });
    }
  });
});
