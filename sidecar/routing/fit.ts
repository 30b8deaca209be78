/** Whether a target can serve a request at all: model, capabilities, sizes. Health and credentials come after. */
import { placeOfUnread, wayTo } from '../dialects/pairing.ts';
import { TRANSLATED_TO } from '../dialects/translatable.ts';
import { PROVIDER_TYPES } from '../providers/types.ts';
import { variantOf } from '../providers/variant.ts';
import { upstreamName } from '../snapshot/models.ts';
import type { Capability, ModelBody } from '../snapshot/schema.ts';
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
  const fallen = (why: string): Fallen => ({
    reason: 'DialectUnsupported',
    detail: `provider ${provider.name} (${provider.type}) ${why}`,
  });
  if (facts.unread) {
    return placeOfUnread(facts.dialect, type) ? undefined : fallen(`has no paths of ${facts.dialect}`);
  }
  const way = wayTo(facts.dialect, type);
  if (!way) return fallen(`does not speak ${facts.dialect}, and such a request cannot be translated for it`);
  if (!way.crosses) return undefined;
  if (facts.pinned) {
    const { detail } = fallen('speaks another dialect: what a vendor keeps cannot be translated');
    return { reason: 'StateUnsupported', detail };
  }
  if (facts.serverTools)
    return fallen('speaks another dialect: tools that a vendor runs cannot be translated');
  if (facts.choices > 1 && !TRANSLATED_TO.get(way.spoken.dialect)?.severalAnswers) {
    return fallen(`gives one answer, and the request asks for ${facts.choices}`);
  }
  return undefined;
}

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
