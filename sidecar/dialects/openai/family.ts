/** The OpenAI API as a family of endpoints. */
import type { DialectFamily, ListedModel } from '../family.ts';
import { RERANK } from '../rerank/dialect.ts';
import { OPENAI_RESPONSES } from '../responses/dialects.ts';
import { OPENAI_CHAT, OPENAI_COMPLETIONS, OPENAI_EMBEDDINGS, OPENAI_RAW } from './dialects.ts';

export const OPENAI_FAMILY: DialectFamily = {
  name: 'openai',
  prefixes: [
    { from: '/openai/v1', to: '/v1' },
    { from: '/v1', to: '/v1' },
  ],
  endpoints: [
    { path: '/v1/chat/completions', dialect: OPENAI_CHAT, needs: 'Chat' },
    { path: '/v1/responses', dialect: OPENAI_RESPONSES, needs: 'Chat' },
    { path: '/v1/completions', dialect: OPENAI_COMPLETIONS, needs: 'Completions' },
    { path: '/v1/embeddings', dialect: OPENAI_EMBEDDINGS, needs: 'Embeddings' },
    { path: '/v1/rerank', dialect: RERANK, needs: 'Rerank' },
  ],
  modelsPath: '/v1/models',
  raw: OPENAI_RAW,
  // Last in the registry, so it takes what no other family claims.
  claims: () => true,
  renderModels: (models) => json({ object: 'list', data: models.map(modelObject) }),
  renderModel: (model) => json(modelObject(model)),
};

function modelObject({ id, owner }: ListedModel) {
  return { id, object: 'model', created: 0, owned_by: owner };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
