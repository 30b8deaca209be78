/** The Anthropic API as a family of endpoints. */
import type { DialectFamily, ListedModel } from '../family.ts';
import { ANTHROPIC_COUNT_TOKENS, ANTHROPIC_MESSAGES, ANTHROPIC_RAW } from './dialects.ts';

/** Vendors give it where they do not know when a model came out. */
const UNKNOWN_DATE = '1970-01-01T00:00:00Z';

export const ANTHROPIC_FAMILY: DialectFamily = {
  name: 'anthropic',
  prefixes: [
    { from: '/anthropic/v1', to: '/v1' },
    { from: '/v1', to: '/v1' },
    // Clients read the same variable for the base URL, and some expect the version in it.
    { from: '/anthropic', to: '/v1', endpointsOnly: true },
    { from: '', to: '/v1', endpointsOnly: true },
  ],
  endpoints: [
    { path: '/v1/messages', dialect: ANTHROPIC_MESSAGES, needs: 'Chat' },
    { path: '/v1/messages/count_tokens', dialect: ANTHROPIC_COUNT_TOKENS, needs: 'Chat' },
  ],
  modelsPath: '/v1/models',
  raw: ANTHROPIC_RAW,
  claims,
  renderModels: (models) => {
    const data = models.map(modelObject);
    const [first, last] = [data.at(0)?.id ?? null, data.at(-1)?.id ?? null];
    return json({ data, has_more: false, first_id: first, last_id: last });
  },
  renderModel: (model) => json(modelObject(model)),
};

/** Every client of this API sends its version; the key's header alone tells the rest. */
function claims(rawHeaders: readonly string[]): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length !== 17 && name.length !== 9) continue;
    const lower = name.toLowerCase();
    if (lower === 'anthropic-version' || lower === 'x-api-key') return true;
  }
  return false;
}

function modelObject({ id }: ListedModel) {
  return { type: 'model', id, display_name: id, created_at: UNKNOWN_DATE };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
