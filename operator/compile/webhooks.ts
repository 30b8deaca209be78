/** What signs the webhooks of routes: Secrets of their namespaces, which their sidecars get beside the keys of providers. */
import { webhookSecret } from './batch.ts';
import type { CompiledRoute } from './compiled-route.ts';
import type { Problem } from './problems.ts';
import type { Secrets } from './secrets.ts';

interface WebhookSecret {
  /** As snapshots name it. */
  id: string;
  /** Of the rule. */
  path: string;
  value: ReturnType<Secrets['read']>;
}

/** Of one route, as its spec is now. */
export function webhookSecrets({ source }: Pick<CompiledRoute, 'source'>, secrets: Secrets): WebhookSecret[] {
  if (!source.parsed.ok) return [];
  return source.parsed.spec.rules.flatMap(({ name, async: deferred }, i) => {
    const ref = deferred?.webhook?.secretRef;
    if (ref === undefined) return [];
    const value = secrets.read(source.namespace, ref.name, ref.key);
    return [{ id: webhookSecret(source.id, name), path: `spec.rules[${i}].async.webhook.secretRef`, value }];
  });
}

export function webhookProblems(route: Pick<CompiledRoute, 'source'>, secrets: Secrets): Problem[] {
  return webhookSecrets(route, secrets).flatMap(({ path, value }) =>
    value.ok
      ? []
      : [{ condition: 'ResolvedRefs', reason: value.reason, message: `${path}: ${value.message}` }],
  );
}
