/** Vendors of embeddings, each at the scripted provider. */
import type { VendorCase } from './vendors.ts';

export interface EmbedderCase extends VendorCase {
  /** Texts that a request may have. */
  most: number;
}

const GOOGLE = { project: 'shop', location: 'europe-west4' };
const VERTEX = { type: 'VertexAI', path: '/v1', showsThinking: false, parameters: GOOGLE } as const;
const BEDROCK = {
  type: 'Bedrock',
  path: '',
  showsThinking: false,
  parameters: { region: 'eu-central-1' },
} as const;

export const EMBEDDERS: readonly EmbedderCase[] = [
  {
    dialect: 'openai-embeddings',
    type: 'OpenAICompatible',
    path: '/v1',
    model: 'scripted',
    showsThinking: false,
    most: 2048,
  },
  {
    dialect: 'cohere-embed',
    type: 'Cohere',
    path: '/v2',
    model: 'embed-v4.0',
    showsThinking: false,
    most: 96,
  },
  { ...BEDROCK, dialect: 'cohere-invoke', model: 'eu.cohere.embed-v4:0', most: 96 },
  { ...BEDROCK, dialect: 'titan-embed', model: 'amazon.titan-embed-text-v2:0', most: 1 },
  { ...VERTEX, dialect: 'vertex-predict', model: 'text-embedding-005', most: 250 },
  { ...VERTEX, dialect: 'vertex-embed', model: 'gemini-embedding-2', most: 1 },
];
