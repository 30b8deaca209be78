/** Asks a model of a provider for one token: a request of our own like any other, with its row and its price. */
import type { Ask } from '../internal/asker.ts';
import { internalRule } from '../internal/internal-rule.ts';
import { buildTable } from '../routing/table.ts';
import type { ProviderBody } from '../snapshot/schema.ts';
import type { Answered } from './ask.ts';

const MAX_INPUT_TOKENS = 100;

/** Never throws. Refused: it was not asked, so nothing is known. */
export async function callModel(
  ask: Ask,
  id: string,
  provider: ProviderBody,
  model: string,
  timeoutMs: number,
): Promise<Answered> {
  const target = {
    name: 'probe',
    provider: id,
    model,
    weight: 1,
    priority: 0,
    patch: { set: [], default: [], remove: [], headers: [] },
  };
  const { namespace, name } = provider;
  const rule = internalRule('HealthCheck', target, timeoutMs);
  const table = buildTable({
    hash: '',
    routes: [
      {
        // No route can be named so: names have no underscores.
        id: `route/${namespace}/_probe.${name}`,
        rank: 0,
        models: [model],
        generation: undefined,
        body: {
          namespace,
          name: `_probe.${name}`,
          uid: '',
          rules: [{ ...rule, failover: { ...rule.failover, maxAttempts: 1 } }],
        },
        reason: undefined,
      },
    ],
    providers: new Map([[id, { id, generation: undefined, body: provider, reason: undefined }]]),
  });
  const [route] = table.routes;
  const [tableRule] = route?.rules ?? [];
  if (!route || !tableRule) return { ok: false, why: 'Refused' };
  const asked = await ask({
    purpose: 'HealthCheck',
    route,
    rule: tableRule,
    dialect: 'Chat',
    body: { model, messages: [{ role: 'user', content: 'ping' }], max_tokens: 1 },
    timeoutMs,
    maxInputTokens: MAX_INPUT_TOKENS,
  });
  return asked.ok ? { ok: true, status: 200, body: '' } : { ok: false, why: asked.why };
}
