/** The Gemini API as a family of paths: its list of models is ours, everything else passes through where a rule lets it. */
import type { DialectFamily, ListedModel } from '../family.ts';
import { GEMINI_RAW } from './raw.ts';

export const GEMINI_FAMILY: DialectFamily = {
  name: 'gemini',
  // Versions are the provider's: its URL ends in one. `/v1` is other families' too, where headers tell who calls.
  prefixes: ['/gemini/v1', '/gemini/v1alpha', '/gemini/v1beta', '/gemini', '/v1beta', '/v1'].map((from) => ({
    from,
    to: '/v1beta',
  })),
  endpoints: [],
  vendorPaths: [{ dialect: 'gemini', upstreamPath: '/models/{model}:generateContent' }],
  modelsPath: '/v1beta/models',
  // What can be done with a model: its methods are camel case but for `predict`, and what they began is below it.
  notModels: /:(?:predict|[a-z]+(?:[A-Z][a-z]+)+)$|\/operations(?:\/|$)/,
  raw: GEMINI_RAW,
  claims,
  renderModels: (models) => json({ models: models.map(modelObject) }),
  renderModel: (model) => json(modelObject(model)),
};

/** Every client of this API sends its key, Google's own also what they are. */
function claims(rawHeaders: readonly string[]): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length !== 14 && name.length !== 17) continue;
    const lower = name.toLowerCase();
    if (lower === 'x-goog-api-key' || lower === 'x-goog-api-client') return true;
  }
  return false;
}

function modelObject({ id }: ListedModel) {
  return { name: `models/${id}`, displayName: id };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
