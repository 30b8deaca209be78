/** A model of a provider: its names, what it can do, what it costs. */
import { z } from 'zod';
import { cel, decimal, mapList, modelName, setList } from '../common.ts';

const CAPABILITIES = ['Chat', 'Completions', 'Embeddings', 'Tools', 'Vision', 'JSONSchema'] as const;
/** Token units are priced per million, Request per call. */
const PRICE_UNITS = [
  'InputToken',
  'CacheReadToken',
  'AudioInputToken',
  'OutputToken',
  'ReasoningToken',
  'AudioOutputToken',
  'Request',
] as const;

const price = z
  .strictObject({
    unit: z
      .enum(PRICE_UNITS)
      .describe(
        'What is counted. A unit without a price of its own is billed as the unit it is part of: CacheReadToken and AudioInputToken as InputToken, ReasoningToken and AudioOutputToken as OutputToken.',
      ),
    perMillion: decimal
      .optional()
      .describe('US dollars per million tokens, as a decimal string such as "2.50"; for the token units.'),
    each: decimal
      .optional()
      .describe('US dollars per request, as a decimal string such as "0.01"; for unit Request.'),
  })
  .meta(
    cel({
      rule: "self.unit == 'Request' ? has(self.each) && !has(self.perMillion) : has(self.perMillion) && !has(self.each)",
      message: 'token units take perMillion, unit Request takes each',
    }),
  );

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
      .describe('Largest output a request may ask for. Unset: unlimited.'),
    pricing: z
      .array(price)
      .min(1)
      .max(16)
      .optional()
      .describe(
        'Prices in US dollars, one per unit. Units that are not listed come from the catalogue; where the price of input or output stays unknown, the cost is reported as unknown, never as zero.',
      )
      .meta(mapList('unit')),
  })
  .meta(
    cel({
      rule: '!has(self.contextWindow) || !has(self.maxOutputTokens) || self.maxOutputTokens <= self.contextWindow',
      message: 'maxOutputTokens must not be greater than contextWindow',
      fieldPath: '.maxOutputTokens',
    }),
  );
