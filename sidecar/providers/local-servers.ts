/** Servers of open models on one's own machines: Ollama, vLLM, Text Generation Inference, LM Studio. */
import type { ProviderType } from './provider-type.ts';
import { ANTHROPIC_HEADERS, BOTH_REQUEST_HEADERS, HOSTED, OPENAI_LIKE } from './wire.ts';

/** Small servers close idle connections early: some after five seconds. */
const IDLE_SOCKET_MS = 4_000;

export const OLLAMA: ProviderType = {
  ...OPENAI_LIKE,
  name: 'Ollama',
  speaks: [
    {
      dialect: 'openai-chat',
      path: '/chat/completions',
      quirks: {
        ...HOSTED,
        reasoning: 'reasoning',
        imagesAsBytes: true,
        refuses: ['logit_bias', 'n', 'tool_choice', 'user'],
      },
    },
    { dialect: 'openai-responses', path: '/responses' },
    {
      dialect: 'anthropic-messages',
      path: '/messages',
      headers: ANTHROPIC_HEADERS,
      quirks: { imagesAsBytes: true },
    },
    { dialect: 'openai-completions', path: '/completions' },
    { dialect: 'openai-embeddings', path: '/embeddings' },
  ],
  requestHeaders: BOTH_REQUEST_HEADERS,
  idleSocketMs: 25_000,
};

export const VLLM: ProviderType = {
  ...OPENAI_LIKE,
  name: 'VLLM',
  speaks: [
    {
      dialect: 'openai-chat',
      path: '/chat/completions',
      quirks: { systemRole: 'system', reasoning: 'reasoning' },
    },
    { dialect: 'openai-responses', path: '/responses' },
    { dialect: 'anthropic-messages', path: '/messages', headers: ANTHROPIC_HEADERS },
    { dialect: 'openai-completions', path: '/completions' },
    { dialect: 'openai-embeddings', path: '/embeddings' },
    { dialect: 'rerank', path: '/rerank' },
  ],
  requestHeaders: BOTH_REQUEST_HEADERS,
  idleSocketMs: IDLE_SOCKET_MS,
};

export const TGI: ProviderType = {
  ...OPENAI_LIKE,
  name: 'TGI',
  speaks: [
    {
      dialect: 'openai-chat',
      path: '/chat/completions',
      quirks: { ...HOSTED, refuses: ['n', 'parallel_tool_calls', 'user'] },
    },
    { dialect: 'openai-completions', path: '/completions' },
  ],
  idleSocketMs: 25_000,
  failures: [
    {
      status: [429],
      starts: ['model is overloaded'],
      class: 'ServerError',
      scope: 'Model',
      retry: 'Same',
      note: 'The server is full, whoever asks.',
    },
    {
      status: [422],
      contains: ['tokens + `max_new_tokens` must be', '`inputs` must have less than'],
      class: 'ContextWindow',
      scope: 'None',
      retry: 'OtherTarget',
      note: 'Input and output together do not fit.',
    },
    {
      status: [424],
      class: 'ServerError',
      scope: 'Model',
      retry: 'Same',
      note: 'Generation failed.',
    },
  ],
};

export const LM_STUDIO: ProviderType = {
  ...OPENAI_LIKE,
  name: 'LMStudio',
  speaks: [
    {
      dialect: 'openai-chat',
      path: '/chat/completions',
      quirks: { ...HOSTED, reasoning: 'reasoning_content', imagesAsBytes: true },
    },
    { dialect: 'openai-responses', path: '/responses' },
    {
      dialect: 'anthropic-messages',
      path: '/messages',
      headers: ANTHROPIC_HEADERS,
      quirks: { imagesAsBytes: true },
    },
    { dialect: 'openai-completions', path: '/completions' },
    { dialect: 'openai-embeddings', path: '/embeddings' },
  ],
  requestHeaders: BOTH_REQUEST_HEADERS,
  idleSocketMs: IDLE_SOCKET_MS,
  failures: [
    {
      status: [400],
      contains: ['context the overflows', 'greater than the context length'],
      class: 'ContextWindow',
      scope: 'None',
      retry: 'OtherTarget',
      note: 'The input is longer than the loaded context.',
    },
  ],
};
