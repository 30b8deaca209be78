import { describe, expect, it } from 'vitest';
import type { LLMProvider } from '../../../crds/llmprovider.ts';
import { catalogueOf, readPrice } from '../../../operator/compile/catalogue.ts';
import { compile } from '../../../operator/compile/compile.ts';
import { indexModels } from '../../../sidecar/snapshot/models.ts';
import type { ProviderBody } from '../../../sidecar/snapshot/schema.ts';
import { validateItem } from '../../../sidecar/snapshot/validate.ts';

const NOW = Date.parse('2026-06-01T00:00:00Z');

/** The compiled body of a provider without a list of models. */
function bodyOf(spec: LLMProvider['spec']): ProviderBody {
  const metadata = { namespace: 'shop', name: 'p' };
  const apiVersion = 'outrider.dev/v1alpha1';
  const provider: LLMProvider = { apiVersion, kind: 'LLMProvider', metadata, ...(spec && { spec }) };
  const pod = { namespace: 'shop', name: 'pod', uid: 'u', labels: {} };
  const rules = [{ name: 'r', targets: [{ name: 't', provider: { name: 'p' } }] }];
  const route = {
    apiVersion,
    kind: 'LLMRoute',
    metadata: { namespace: 'shop', name: 'r' },
    spec: { models: ['*'], rules },
  };
  const resources = { routes: [route], providers: [provider], secrets: [], namespaces: [], pods: [pod] };
  const [item] = compile(resources, { platformNamespaces: [], now: NOW }).snapshotFor(pod).items;
  expect(item && validateItem(item)).toEqual({ ok: true, item });
  if (item?.kind !== 'Provider' || !item.body) throw new Error(`not compiled: ${item?.reason}`);
  return item.body;
}

describe('an OpenAI provider without a list of models', () => {
  const body = bodyOf({ type: 'OpenAI' });
  const models = indexModels(body);

  it('serves the models of the catalogue and no others', () => {
    expect(body.openModels).toBe(false);
    expect(models.find('gpt-5-mini')?.prices).toEqual({
      input: 250_000,
      cacheRead: 25_000,
      output: 2_000_000,
    });
    expect(models.find('gpt-4o')?.contextWindow).toBe(128_000);
    expect(models.find('claude-sonnet-4')).toBeUndefined();
    expect(models.find('gpt-5-minimal')).toBeUndefined();
  });

  it.each([
    ['gpt-4o-2024-08-06', 'gpt-4o'],
    ['gpt-5-mini-2025-08-07', 'gpt-5-mini'],
    ['gpt-6-sol-2026-01-31', 'gpt-6-sol'],
    ['ft:gpt-4o-2024-08-06:shop::abc', 'ft:gpt-4o'],
  ])('knows %s as %s', (name, id) => {
    expect(models.find(name)?.name).toBe(id);
  });

  it.each(['gpt-6-sol-latest', 'gpt-6-sol-2026-01-311', 'gpt-6-sol-2026-1-31'])(
    'does not take %s for a dated name',
    (name) => expect(models.find(name)).toBeUndefined(),
  );

  it('marks models as catalogued, so that lists show only declared ones', () => {
    expect(body.models.every((model) => model.catalogued)).toBe(true);
  });

  it('lets no embedding model chat, and prices its input alone', () => {
    const model = models.find('text-embedding-3-small');
    expect(model?.capabilities).toEqual(['Embeddings']);
    expect(model?.prices).toEqual({ input: 20_000, output: 0 });
  });
});

describe('an OpenAI-compatible provider without a list of models', () => {
  it.each([
    'https://openrouter.ai/api/v1',
    'https://api.groq.com/openai/v1',
    'https://api.together.xyz/v1',
    'https://api.mistral.ai/v1',
    'https://api.deepseek.com',
    'https://api.fireworks.ai/inference/v1',
  ])('takes any name at %s, and what the catalogue knows of it', (url) => {
    const body = bodyOf({ type: 'OpenAICompatible', endpoint: { url } });
    expect(body.openModels).toBe(true);
    expect(body.models.some((model) => model.prices)).toBe(true);
  });

  it('takes any name of a local server and knows nothing of its models', () => {
    const body = bodyOf({ type: 'OpenAICompatible', endpoint: { url: 'http://localhost:8000/v1' } });
    expect(body).toMatchObject({ openModels: true, models: [] });
  });
});

describe('prices of the catalogue', () => {
  it('become whole pico-dollars although the catalogue keeps doubles', () => {
    expect(readPrice({ input_mtok: 0.039, output_mtok: 0.18, cache_read_mtok: 0.0375 })).toEqual({
      input: 39_000,
      output: 180_000,
      cacheRead: 37_500,
    });
    expect(readPrice({ input_mtok: 1, output_mtok: 2, requests_kcount: 5 })).toEqual({
      input: 1_000_000,
      output: 2_000_000,
      request: 5_000_000_000,
    });
  });

  it.each([
    ['image tokens', { input_mtok: 1, output_mtok: 3, input_image_mtok: 2 }],
    ['audio hours', { input_mtok: 1, audio_hours: 0.36 }],
    ['fractions of a pico-dollar', { input_mtok: 0.000_000_1, output_mtok: 1 }],
    ['no input price', { output_mtok: 1 }],
    ['nothing at all', {}],
  ])('stay unknown with %s', (_, price) => expect(readPrice(price)).toBeUndefined());

  it('hold tiers, by their bounds, and writes to the cache', () => {
    expect(
      readPrice({
        input_mtok: { base: 1, tiers: [{ start: 200_000, price: 2 }] },
        cache_write_mtok: 1.25,
        cache_write_1h_mtok: 2,
        output_mtok: { base: 3, tiers: [{ start: 200_000, price: 4.5 }] },
      }),
    ).toEqual({
      input: 1_000_000,
      cacheWrite5m: 1_250_000,
      cacheWrite1h: 2_000_000,
      output: 3_000_000,
      tiers: [{ aboveInputTokens: 200_000, input: 2_000_000, output: 4_500_000 }],
    });
  });

  it('take images at the price of text where it is the same', () => {
    expect(readPrice({ input_mtok: 1, output_mtok: 3, input_image_mtok: 1 })).toEqual({
      input: 1_000_000,
      output: 3_000_000,
    });
  });

  it('leave fees for searches aside', () => {
    expect(readPrice({ input_mtok: 1, output_mtok: 3, web_searches_kcount: 10 })).toEqual({
      input: 1_000_000,
      output: 3_000_000,
    });
  });

  it('are the same for the whole of a day', () => {
    const morning = catalogueOf('OpenAI', '', Date.parse('2026-06-01T00:00:01Z'));
    const night = catalogueOf('OpenAI', '', Date.parse('2026-06-01T23:59:59Z'));
    expect(night).toBe(morning);
  });
});
