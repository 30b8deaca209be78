/** The models an app may ask for: names that routes spell out, and declared models behind their wildcards. */
import type { ListedModel } from '../dialects/family.ts';
import type { EffectiveRoute, EffectiveSnapshot } from '../snapshot/effective.ts';

/** More would be no list anybody reads. */
const MAX_LISTED = 2000;

/** Sorted by id; each name once. Routes that cannot answer now are left out. */
export function listModels(snapshot: EffectiveSnapshot): ListedModel[] {
  const models = new Map<string, ListedModel>();
  const add = (id: string, owner: string) => {
    if (!models.has(id) && models.size < MAX_LISTED) models.set(id, { id, owner });
  };
  for (const route of snapshot.routes) {
    if (!route.body) continue;
    const owner = `${route.body.namespace}/${route.body.name}`;
    for (const pattern of route.models) if (!pattern.endsWith('*')) add(pattern, owner);
  }
  for (const route of snapshot.routes) {
    for (const pattern of route.models) {
      if (!pattern.endsWith('*')) continue;
      const prefix = pattern.slice(0, -1);
      for (const { id, owner } of servedModels(route, snapshot)) if (id.startsWith(prefix)) add(id, owner);
    }
  }
  return [...models.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Declared models of the providers that take the asked name as it is. */
function* servedModels(route: EffectiveRoute, snapshot: EffectiveSnapshot): Iterable<ListedModel> {
  const seen = new Set<string>();
  for (const rule of route.body?.rules ?? []) {
    for (const target of rule.targets) {
      if (target.model !== undefined || target.unresolved !== undefined || seen.has(target.provider))
        continue;
      seen.add(target.provider);
      const provider = snapshot.providers.get(target.provider)?.body;
      if (!provider) continue;
      for (const model of provider.models) {
        if (!model.catalogued) yield { id: model.name, owner: provider.name };
      }
    }
  }
}
