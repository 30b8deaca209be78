/** What runs now, fit to be shown: values of configured headers may be secrets, so only their names appear. */
import type { EffectiveSnapshot } from '../snapshot/effective.ts';
import type { HolderStatus } from '../snapshot/holder.ts';
import type { ProviderBody, RouteBody } from '../snapshot/schema.ts';
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
    targets: rule.targets.map((target) => ({
      ...target,
      patch: { ...target.patch, headers: target.patch.headers.map(withoutValue) },
    })),
  }));
  return { ...body, rules };
}

function shownProvider(body: ProviderBody): ProviderBody {
  return { ...body, headers: body.headers.map(withoutValue) };
}

function withoutValue({ name }: { name: string }): { name: string; value: string } {
  return { name, value: REDACTED };
}
