/** The model a name stands for at a provider: declared names first, then the vendor's further names for the same model. */
import type { ModelBody, ProviderBody } from './schema.ts';

export interface ModelIndex {
  /** Undefined: not listed. On a provider with `openModels` it can be asked for all the same. */
  find(name: string): ModelBody | undefined;
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** Exact names by hash, then Dated and Prefix variants, the longest text first. */
export function indexModels(provider: Pick<ProviderBody, 'models'>): ModelIndex {
  const exact = new Map<string, ModelBody>();
  const open: { text: string; dated: boolean; model: ModelBody }[] = [];
  for (const model of provider.models) exact.set(model.name, model);
  for (const model of provider.models) {
    for (const { form, text } of model.variants ?? []) {
      if (form !== 'Exact') open.push({ text, dated: form === 'Dated', model });
      else if (!exact.has(text)) exact.set(text, model);
    }
  }
  open.sort((a, b) => b.text.length - a.text.length);
  return {
    find(name) {
      const named = exact.get(name);
      if (named) return named;
      for (const { text, dated, model } of open) {
        if (name.startsWith(text) && (!dated || DATE.test(name.slice(text.length)))) return model;
      }
      return undefined;
    },
  };
}

/** Name to ask the vendor for: a variant is asked for as it is. */
export function upstreamName(model: ModelBody | undefined, asked: string): string {
  return model !== undefined && model.name === asked ? model.upstreamName : asked;
}
