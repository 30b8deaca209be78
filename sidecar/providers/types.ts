/** The provider types by name. A vendor more is a value more, and a line here. */
import type { ProviderTypeName } from '../snapshot/schema.ts';
import { ANTHROPIC } from './anthropic.ts';
import { AZURE_OPENAI } from './azure.ts';
import { BEDROCK } from './bedrock.ts';
import { COHERE } from './cohere.ts';
import { CEREBRAS, GROQ, SAMBANOVA } from './fast-hosts.ts';
import { CLOUDFLARE_WORKERS_AI, DATABRICKS, OPENROUTER } from './gateways.ts';
import { GEMINI, VERTEX_AI } from './google.ts';
import { LM_STUDIO, OLLAMA, TGI, VLLM } from './local-servers.ts';
import { MISTRAL } from './mistral.ts';
import { DEEPSEEK, MOONSHOT, PERPLEXITY, XAI } from './model-makers.ts';
import { DEEPINFRA, FIREWORKS, HUGGING_FACE, NVIDIA_NIM, TOGETHER } from './open-model-hosts.ts';
import { OPENAI, OPENAI_COMPATIBLE } from './openai.ts';
import type { ProviderType } from './provider-type.ts';

export const PROVIDER_TYPES: Readonly<Record<ProviderTypeName, ProviderType>> = {
  OpenAI: OPENAI,
  AzureOpenAI: AZURE_OPENAI,
  Anthropic: ANTHROPIC,
  Gemini: GEMINI,
  VertexAI: VERTEX_AI,
  Bedrock: BEDROCK,
  Cohere: COHERE,
  Mistral: MISTRAL,
  Groq: GROQ,
  Together: TOGETHER,
  Fireworks: FIREWORKS,
  DeepSeek: DEEPSEEK,
  XAI,
  Perplexity: PERPLEXITY,
  Cerebras: CEREBRAS,
  OpenRouter: OPENROUTER,
  NVIDIANIM: NVIDIA_NIM,
  HuggingFace: HUGGING_FACE,
  DeepInfra: DEEPINFRA,
  SambaNova: SAMBANOVA,
  Moonshot: MOONSHOT,
  CloudflareWorkersAI: CLOUDFLARE_WORKERS_AI,
  Databricks: DATABRICKS,
  Ollama: OLLAMA,
  VLLM,
  TGI,
  LMStudio: LM_STUDIO,
  OpenAICompatible: OPENAI_COMPATIBLE,
};
