/** What runs now, fit to be shown: values of configured headers may be secrets, so only their names appear. */
import type { EffectiveSnapshot } from '../snapshot/effective.ts';
import type { HolderStatus } from '../snapshot/holder.ts';
import type { ProviderBody, RouteBody, TargetBody } from '../snapshot/schema.ts';
import type { AskedModelBody, SignalsBody } from '../snapshot/shapes/signals.ts';
import type { SourceStatus } from '../snapshot/source.ts';

const REDACTED = '(redacted)';

export function shownSnapshot(
  effective: EffectiveSnapshot | undefined,
  holder: HolderStatus,
  source: SourceStatus,
): object {
  return {
    ...holder,
    source,
    routes:
      effective?.routes.map((route) => ({ ...route, body: route.body && shownRoute(route.body) })) ?? [],
    providers:
      effective === undefined
        ? []
        : [...effective.providers.values()].map((provider) => ({
            ...provider,
            body: provider.body && shownProvider(provider.body),
          })),
  };
}

function shownRoute(body: RouteBody): RouteBody {
  const rules = body.rules.map((rule) => ({
    ...rule,
    targets: rule.targets.map(shownTarget),
  }));
  return { ...body, rules, ...(body.signals && { signals: shownSignals(body.signals) }) };
}

function shownSignals({ intents, classifier, ...rest }: SignalsBody): SignalsBody {
  const { embeddings } = intents ?? {};
  return {
    ...rest,
    ...(intents && { intents: { ...intents, ...(embeddings && { embeddings: shownAsked(embeddings) }) } }),
    ...(classifier && { classifier: shownAsked(classifier) }),
  };
}

const shownAsked = <T extends AskedModelBody>(asked: T): T => ({
  ...asked,
  target: shownTarget(asked.target),
});

function shownTarget(target: TargetBody): TargetBody {
  return { ...target, patch: { ...target.patch, headers: target.patch.headers.map(withoutValue) } };
}

function shownProvider(body: ProviderBody): ProviderBody {
  return { ...body, headers: body.headers.map(withoutValue) };
}

function withoutValue({ name }: { name: string }): { name: string; value: string } {
  return { name, value: REDACTED };
}
