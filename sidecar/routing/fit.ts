/** Whether a target can serve a request at all: model, capabilities, sizes. Health and credentials come after. */
import { placeOfUnread, wayTo } from '../dialects/pairing.ts';
import { TRANSLATED_TO } from '../dialects/translatable.ts';
import { PROVIDER_TYPES } from '../providers/types.ts';
import { variantOf } from '../providers/variant.ts';
import { upstreamName } from '../snapshot/models.ts';
import type { Capability, ModelBody, ProviderBody } from '../snapshot/schema.ts';
import type { RequestFacts } from './plan.ts';
import { type Fallen, modelName, type TableTarget } from './target.ts';

/** Undefined: it can, as far as is known. What is not known of a model filters nothing. */
export function unfit(
  target: TableTarget,
  model: ModelBody | undefined,
  facts: RequestFacts,
): Fallen | undefined {
  if (target.refused) return target.refused;
  const unsaid = unspeakable(target, model, facts);
  if (unsaid) return unsaid;
  // What an unread body asks for is between the caller and the provider.
  if (facts.unread) return undefined;
  if (!model) return notServed(target, facts);
  const missing = missingCapability(model, facts);
  if (missing !== undefined)
    return { reason: 'CapabilityMissing', detail: `${model.name} lacks ${missing}, which the request needs` };
  const cap = facts.maxOutputTokens;
  const most = largestOutput(model);
  if (cap !== undefined && most !== undefined && cap > most)
    return {
      reason: 'OutputTooLarge',
      detail: `the request asks for up to ${cap} output tokens, ${model.name} gives at most ${most}`,
    };
  return undefined;
}

/** Whether the provider can be told the request at all, in the caller's dialect or another. */
function unspeakable(
  target: TableTarget,
  model: ModelBody | undefined,
  facts: RequestFacts,
): Fallen | undefined {
  const { provider } = target;
  if (!provider) return undefined;
  const name = upstreamName(model, modelName(target, facts) ?? '');
  const type = variantOf(PROVIDER_TYPES[provider.type], provider, name);
  const { dialect, unread, pinned, serverTools, choices } = facts;
  const reason = 'DialectUnsupported';
  if (unread) {
    if (placeOfUnread(dialect, type)) return undefined;
    return { reason, detail: says(provider, `has no paths of ${dialect}`) };
  }
  const way = wayTo(dialect, type);
  if (!way) {
    const detail = says(
      provider,
      `does not speak ${dialect}, and such a request cannot be translated for it`,
    );
    return { reason, detail };
  }
  if (!way.crosses) return undefined;
  if (pinned) {
    const detail = says(provider, 'speaks another dialect: what a vendor keeps cannot be translated');
    return { reason: 'StateUnsupported', detail };
  }
  if (serverTools) {
    const detail = says(provider, 'speaks another dialect: tools that a vendor runs cannot be translated');
    return { reason, detail };
  }
  if (choices > 1 && !TRANSLATED_TO.get(way.spoken.dialect)?.severalAnswers) {
    return { reason, detail: says(provider, `gives one answer, and the request asks for ${choices}`) };
  }
  return undefined;
}

const says = ({ name, type }: ProviderBody, what: string): string => `provider ${name} (${type}) ${what}`;

function notServed(target: TableTarget, facts: RequestFacts): Fallen | undefined {
  if (target.provider?.openModels) return undefined;
  const name = target.body.provider.slice(target.body.provider.indexOf('/') + 1);
  return {
    reason: 'ModelNotServed',
    detail: `provider ${name} does not serve model "${modelName(target, facts)}"`,
  };
}

function missingCapability({ capabilities }: ModelBody, facts: RequestFacts): Capability | undefined {
  if (!capabilities) return undefined;
  if (facts.needs !== undefined && !capabilities.includes(facts.needs)) return facts.needs;
  if (facts.tools && !capabilities.includes('Tools')) return 'Tools';
  if (facts.vision && !capabilities.includes('Vision')) return 'Vision';
  if (facts.jsonSchema && !capabilities.includes('JSONSchema')) return 'JSONSchema';
  return undefined;
}

function largestOutput({ maxOutputTokens, contextWindow }: ModelBody): number | undefined {
  if (maxOutputTokens === undefined) return contextWindow;
  return contextWindow === undefined ? maxOutputTokens : Math.min(maxOutputTokens, contextWindow);
}

/** Fits: surely or likely. Tight: it may not. TooLarge: even the least the input can be does not fit. */
export function contextFit(model: ModelBody | undefined, facts: RequestFacts): 'Fits' | 'Tight' | 'TooLarge' {
  const window = model?.contextWindow;
  if (window === undefined || facts.unread) return 'Fits';
  const output = facts.maxOutputTokens ?? 0;
  if (facts.inputTokensLowerBound + output > window) return 'TooLarge';
  return facts.inputTokens + output > window ? 'Tight' : 'Fits';
}

/** The sentence with the numbers. */
export function contextDetail(model: ModelBody | undefined, facts: RequestFacts): string {
  const output = facts.maxOutputTokens === undefined ? '' : ` and up to ${facts.maxOutputTokens} of output`;
  return (
    `about ${facts.inputTokens} input tokens (at least ${facts.inputTokensLowerBound})${output} ` +
    `in a window of ${model?.contextWindow ?? 0}`
  );
}
