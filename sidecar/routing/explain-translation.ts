/** What would become of a request at a vendor that speaks another dialect: the very writer that dispatch uses, without sending. */
import { Losses } from '../dialects/canonical/losses.ts';
import type { ChatRequest } from '../dialects/canonical/request.ts';
import type { WriteContext } from '../dialects/chat-format.ts';
import type { EmbedContext } from '../dialects/embeddings/embed-format.ts';
import { type CrossingWay, type EmbedPair, isCrossing, openWay, wayTo } from '../dialects/pairing.ts';
import { PROVIDER_TYPES } from '../providers/types.ts';
import { variantOf } from '../providers/variant.ts';
import type { RuleBody } from '../snapshot/schema.ts';
import type { Candidate, RequestFacts } from './plan.ts';

/** JSON. */
export interface ExplainedTranslation {
  /** The vendor's dialect. */
  to: string;
  /** Parameters that the vendor cannot honour, each with why. */
  lost: string[];
  /** Why the target would be passed over when its turn came; undefined: it would not. */
  obstacle: string | undefined;
}

/** Undefined where the vendor speaks the caller's dialect. What links lead to is not fetched. */
export function explainTranslation(
  { provider, upstreamModel, model }: Candidate,
  facts: RequestFacts,
  rule: RuleBody,
  body: Buffer,
): ExplainedTranslation | undefined {
  const found = wayTo(facts.dialect, variantOf(PROVIDER_TYPES[provider.type], provider, upstreamModel));
  if (!found?.crosses) return undefined;
  const way = openWay(found);
  const losses = new Losses();
  const obstacle = attempted(() =>
    isCrossing(way)
      ? writeChat(way, body, {
          model: upstreamModel,
          maxOutputTokens: model?.maxOutputTokens,
          quirks: way.spoken.quirks ?? {},
          losses,
          media: () => ({ mediaType: 'image/png', data: '' }),
        })
      : way.embedding && writeEmbedding(way.embedding, body, { model: upstreamModel, losses }),
  );
  const lost = losses.list.map(
    ({ parameter, how, detail }) => `${parameter} ${how.toLowerCase()}: ${detail}`,
  );
  const rejects = rule.unsupportedParameters === 'Reject' && lost.length > 0;
  const names = losses.list.map(({ parameter }) => parameter).join(', ');
  return {
    to: way.spoken.dialect,
    lost,
    obstacle: obstacle ?? (rejects ? `it would lose ${names}, which the route rejects` : undefined),
  };
}

/** What stands in the way, or undefined; of a defect, its message. */
function attempted(write: () => string | undefined): string | undefined {
  try {
    return write();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function writeChat(
  { crossing: { caller, vendor } }: CrossingWay,
  body: Buffer,
  context: WriteContext,
): string | undefined {
  const chat: ChatRequest = caller.readChat(body);
  const obstacle = chat.untranslatable ?? vendor.obstacle(chat, context);
  if (obstacle === undefined) vendor.writeRequest(chat, context);
  return obstacle;
}

function writeEmbedding(
  { caller, vendor }: EmbedPair,
  body: Buffer,
  context: EmbedContext,
): string | undefined {
  const request = caller.readRequest(body);
  const obstacle = vendor.obstacle(request, context);
  if (obstacle === undefined) vendor.writeRequest(request, context);
  return obstacle;
}
