/** A model of a provider: its names, what it can do, what it costs. */
import { z } from 'zod';
import { atomicList, cel, decimal, matching, modelName, setList } from '../common.ts';
import { limits } from './provider-limits.ts';
import { quality } from './provider-quality.ts';

const CAPABILITIES = [
  'Chat',
  'Completions',
  'Embeddings',
  'Tools',
  'Vision',
  'JSONSchema',
  'Rerank',
  'Reasoning',
] as const;
/** Token units are priced per million, the others each. */
const PRICE_UNITS = [
  'InputToken',
  'CacheReadToken',
  'CacheWrite5mToken',
  'CacheWrite1hToken',
  'AudioInputToken',
  'OutputToken',
  'ReasoningToken',
  'AudioOutputToken',
  'Image',
  'Request',
] as const;

/** Tiers of service that vendors price apart, in their words where they agree on one. */
const SERVICE_TIERS = ['Flex', 'Priority', 'Batch', 'Reserved', 'Fast'] as const;

const day = matching(
  /^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$/,
  'a day in quotes, such as "2026-01-31"',
  10,
  10,
);

const price = z
  .strictObject({
    unit: z
      .enum(PRICE_UNITS)
      .describe(
        'What is counted. A unit without a price of its own is billed as the unit it is part of: CacheReadToken, CacheWrite5mToken, CacheWrite1hToken and AudioInputToken as InputToken, ReasoningToken and AudioOutputToken as OutputToken. Image: an image the model makes.',
      ),
    perMillion: decimal
      .optional()
      .describe('US dollars per million tokens, as a decimal string such as "2.50"; for the token units.'),
    each: decimal.optional().describe('US dollars per image or request, as a decimal string such as "0.01".'),
    aboveInputTokens: z
      .int()
      .min(1)
      .max(100_000_000)
      .optional()
      .describe(
        'The price holds for all tokens of a request whose input, cached or not, is more than this; units that name no price for the bound keep the one below. Unset: for any request. For the token units.',
      ),
    serviceTier: z
      .enum(SERVICE_TIERS)
      .optional()
      .describe(
        "The price holds for requests that the vendor says it served in this tier of service, and nothing of the standard prices does: InputToken and OutputToken need a price for it too. Reserved: capacity paid for by time (OpenAI's scale, Vertex AI's provisioned throughput); set 0 where tokens cost nothing more. Fast: Anthropic's fast mode. Unset: the standard tier. A tier without prices costs the vendor's published share of the standard prices where there is one for all models; otherwise its cost is reported as unknown.",
      ),
    from: day
      .optional()
      .describe('First day (UTC) of the price. Of several that hold, the one with the latest day counts.'),
    until: day.optional().describe('First day (UTC) on which it no longer holds.'),
  })
  .meta(
    cel(
      {
        rule: "self.unit in ['Request', 'Image'] ? has(self.each) && !has(self.perMillion) : has(self.perMillion) && !has(self.each)",
        message: 'token units take perMillion, units Image and Request take each',
      },
      {
        rule: "!has(self.aboveInputTokens) || !(self.unit in ['Request', 'Image'])",
        message: 'aboveInputTokens is for token units',
        fieldPath: '.aboveInputTokens',
      },
      {
        rule: '!has(self.from) || !has(self.until) || self.from < self.until',
        message: 'until must be after from',
        fieldPath: '.until',
      },
    ),
  );

/** Two prices are for one thing if unit, bound, tier of service and first day are the same. */
const oncePerUnit =
  'self.all(a, self.exists_one(b, a.unit == b.unit' +
  ' && (has(a.aboveInputTokens) ? a.aboveInputTokens : 0) == (has(b.aboveInputTokens) ? b.aboveInputTokens : 0)' +
  " && (has(a.serviceTier) ? a.serviceTier : '') == (has(b.serviceTier) ? b.serviceTier : '')" +
  " && (has(a.from) ? a.from : '') == (has(b.from) ? b.from : '')))";

/** What the other units of a tier of service are billed as. */
const wholeTier = (unit: string) =>
  'self.all(a, !has(a.serviceTier) || self.exists(b,' +
  ` b.unit == '${unit}' && has(b.serviceTier) && b.serviceTier == a.serviceTier && !has(b.aboveInputTokens)))`;

export const model = z
  .strictObject({
    name: modelName.describe('Name that routes and apps use for the model.'),
    upstreamName: modelName.optional().describe("The vendor's own name, if it differs. Unset: name."),
    capabilities: z
      .array(z.enum(CAPABILITIES))
      .min(1)
      .max(16)
      .optional()
      .describe(
        'What the model can do; a request that needs more is not sent to it. Unset: from the catalogue, or everything if the catalogue does not know the model.',
      )
      .meta(setList),
    contextWindow: z
      .int()
      .min(1)
      .max(100_000_000)
      .optional()
      .describe(
        'Tokens of input and output together; a request that cannot fit is not sent to it. Unset: from the catalogue, or unlimited.',
      ),
    maxOutputTokens: z
      .int()
      .min(1)
      .max(100_000_000)
      .optional()
      .describe('Largest output a request may ask for. Unset: from the catalogue, or unlimited.'),
    quality,
    limits: limits
      .optional()
      .describe('What may be asked of this model in all, with all credentials together. Unset: no limit.'),
    pricing: z
      .array(price)
      .min(1)
      .max(32)
      .optional()
      .describe(
        'Prices in US dollars, one per unit, bound, tier of service and first day. Units that are not listed come from the catalogue; where the price of input or output stays unknown, the cost is reported as unknown, never as zero.',
      )
      .meta({
        ...atomicList,
        ...cel(
          {
            rule: oncePerUnit,
            message: 'two prices have the same unit, aboveInputTokens, serviceTier and from',
          },
          {
            rule: wholeTier('InputToken'),
            message: 'a serviceTier has prices but none of InputToken for any request',
          },
          {
            rule: wholeTier('OutputToken'),
            message: 'a serviceTier has prices but none of OutputToken for any request',
          },
        ),
      }),
  })
  .meta(
    cel({
      rule: '!has(self.contextWindow) || !has(self.maxOutputTokens) || self.maxOutputTokens <= self.contextWindow',
      message: 'maxOutputTokens must not be greater than contextWindow',
      fieldPath: '.maxOutputTokens',
    }),
  );
