/**
 * `usageMetadata` in its normal form. The prompt count includes what was cached; candidates exclude thoughts; results of the
 * vendor's own tools are a prompt of their own beside the prompt.
 */
import type { ServiceTier } from '../../accounting/service-tier.ts';
import { NO_USAGE, type Usage } from '../../accounting/usage.ts';
import { isObject, tokensOf } from '../json/parsed.ts';
import { serviceTierOf } from '../service-tier.ts';

export function readUsage(raw: unknown): Usage | undefined {
  if (!isObject(raw)) return undefined;
  const prompt = tokensOf(raw.promptTokenCount);
  const candidates = tokensOf(raw.candidatesTokenCount);
  const thoughts = tokensOf(raw.thoughtsTokenCount) ?? 0;
  const total = tokensOf(raw.totalTokenCount);
  if (prompt === undefined && candidates === undefined && total === undefined) return undefined;
  const tools = tokensOf(raw.toolUsePromptTokenCount) ?? 0;
  // A prompt alone is told with the first chunks; the candidates' count is then absent, not unknown.
  const input = (prompt ?? Math.max(0, (total ?? 0) - (candidates ?? 0) - thoughts - tools)) + tools;
  const output = candidates ?? (prompt === undefined ? 0 : Math.max(0, (total ?? 0) - input - thoughts));

  const cached = Math.min(tokensOf(raw.cachedContentTokenCount) ?? 0, input);
  const audioCacheRead = Math.min(modality(raw.cacheTokensDetails, 'AUDIO'), cached);
  const audio =
    modality(raw.promptTokensDetails, 'AUDIO') + modality(raw.toolUsePromptTokensDetails, 'AUDIO');
  const audioInput = Math.min(Math.max(0, audio - audioCacheRead), input - cached);
  const audioOutput = Math.min(modality(raw.candidatesTokensDetails, 'AUDIO'), output);
  const usage: Usage = {
    ...NO_USAGE,
    input: input - cached - audioInput,
    cacheRead: cached - audioCacheRead,
    audioInput,
    // Images that the model makes are told in tokens, among the others.
    output: output - audioOutput,
    reasoning: thoughts,
    audioOutput,
  };
  if (audioCacheRead > 0) usage.audioCacheRead = audioCacheRead;
  return usage;
}

/** `serviceTier` is of the Gemini API, `trafficType` of Vertex AI. */
export function serviceTier(raw: unknown): ServiceTier | undefined {
  if (!isObject(raw)) return undefined;
  const { serviceTier: tier, trafficType } = raw;
  if (tier !== undefined) return serviceTierOf(tier);
  if (typeof trafficType !== 'string' || trafficType === 'TRAFFIC_TYPE_UNSPECIFIED') return undefined;
  return TRAFFIC[trafficType] ?? 'Other';
}

const TRAFFIC: Readonly<Record<string, ServiceTier>> = {
  ON_DEMAND: 'Standard',
  ON_DEMAND_FLEX: 'Flex',
  ON_DEMAND_PRIORITY: 'Priority',
  PROVISIONED_THROUGHPUT: 'Reserved',
};

function modality(details: unknown, name: string): number {
  if (!Array.isArray(details)) return 0;
  let sum = 0;
  for (const entry of details as unknown[]) {
    if (isObject(entry) && entry.modality === name) sum += tokensOf(entry.tokenCount) ?? 0;
  }
  return sum;
}
