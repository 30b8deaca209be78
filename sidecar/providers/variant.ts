/** Which form of a vendor serves one model of one provider. */
import type { ProviderBody } from '../snapshot/schema.ts';
import type { ProviderType, Variant } from './provider-type.ts';

const DATE = /^\d{4}-\d{2}-\d{2}(-preview)?$/;

/** `model`: as the vendor calls it. The same object for the same case, so that facts can be kept by it. */
export function variantOf(
  type: ProviderType,
  provider: Pick<ProviderBody, 'parameters'>,
  model: string,
): ProviderType {
  if (type.variants === undefined) return type;
  return type.variants.find((variant) => holds(variant, provider, model))?.type ?? type;
}

function holds(variant: Variant, { parameters }: Pick<ProviderBody, 'parameters'>, model: string): boolean {
  if (variant.datedVersion && !DATE.test(parameters?.apiVersion ?? '')) return false;
  return variant.models?.some((start) => model.startsWith(start)) ?? true;
}
