/**
 * Names of the OpenTelemetry conventions that we use: HTTP from the stable set, GenAI from semantic-conventions-genai
 * as of October 2026 (after its changes 374, 440 and 521). All GenAI names are still in development.
 */
export const ERROR_TYPE = 'error.type';
export const SERVER_ADDRESS = 'server.address';
export const SERVER_PORT = 'server.port';
export const HTTP_METHOD = 'http.request.method';
export const HTTP_METHOD_ORIGINAL = 'http.request.method_original';
export const HTTP_RESEND_COUNT = 'http.request.resend_count';
export const HTTP_STATUS = 'http.response.status_code';
export const HTTP_ROUTE = 'http.route';
export const URL_PATH = 'url.path';
export const URL_SCHEME = 'url.scheme';

export const GEN_AI_OPERATION = 'gen_ai.operation.name';
export const GEN_AI_PROVIDER = 'gen_ai.provider.name';
export const GEN_AI_REQUEST_MODEL = 'gen_ai.request.model';
export const GEN_AI_REQUEST_STREAM = 'gen_ai.request.stream';
export const GEN_AI_REQUEST_CHOICES = 'gen_ai.request.choice.count';
export const GEN_AI_REQUEST_MAX_TOKENS = 'gen_ai.request.max_tokens';
export const GEN_AI_OUTPUT_TYPE = 'gen_ai.output.type';
export const GEN_AI_RESPONSE_ID = 'gen_ai.response.id';
export const GEN_AI_RESPONSE_MODEL = 'gen_ai.response.model';
export const GEN_AI_FINISH_REASONS = 'gen_ai.response.finish_reasons';
export const GEN_AI_TIME_TO_FIRST_CHUNK = 'gen_ai.response.time_to_first_chunk';
export const OPENAI_SERVICE_TIER = 'openai.response.service_tier';
export const GEN_AI_INPUT_TOKENS = 'gen_ai.usage.input_tokens';
export const GEN_AI_OUTPUT_TOKENS = 'gen_ai.usage.output_tokens';
export const GEN_AI_CACHE_READ_TOKENS = 'gen_ai.usage.cache_read.input_tokens';
export const GEN_AI_CACHE_WRITE_TOKENS = 'gen_ai.usage.cache_write.input_tokens';
export const GEN_AI_REASONING_TOKENS = 'gen_ai.usage.reasoning.output_tokens';
export const GEN_AI_AUDIO_INPUT_TOKENS = 'gen_ai.usage.audio.input_tokens';
export const GEN_AI_AUDIO_CACHE_READ_TOKENS = 'gen_ai.usage.audio.cache_read.input_tokens';
export const GEN_AI_AUDIO_OUTPUT_TOKENS = 'gen_ai.usage.audio.output_tokens';
