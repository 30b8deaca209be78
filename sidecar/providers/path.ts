/** Paths of vendors that name the model, or more, in them. */
import type { ProviderBody } from '../snapshot/schema.ts';

/** `{model}` in a template is the vendor's name of the model. Each value is percent-encoded, so none can add a segment. */
export function fillPath(template: string, model: string, _provider: ProviderBody): string {
  return template.replace('{model}', encodeURIComponent(model));
}
