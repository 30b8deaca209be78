/** The tier of service that a vendor is asked for: most say which one served, and what those that do not bill is for settling to say. */
import type { ServiceTier } from '../accounting/service-tier.ts';
import type { Envelope } from '../dialects/envelope.ts';
import { isObject } from '../dialects/json/parsed.ts';
import { serviceTierOf } from '../dialects/service-tier.ts';
import type { PatchBody } from '../snapshot/schema.ts';

/** As Google and Amazon write it, and as all others do. */
const NAMES = ['service_tier', 'serviceTier'] as const;

/** Undefined: none is asked for, or the standard one. */
export function askedTier(
  { body, members }: Pick<Envelope, 'body' | 'members'>,
  { set, default: defaults, remove }: PatchBody,
): ServiceTier | undefined {
  for (const name of NAMES) {
    const range = members.get(name);
    const own =
      range === undefined || remove.includes(name)
        ? undefined
        : parsed(body.toString('utf8', range.valueStart, range.end));
    const patched = memberOf(set, name) ?? (range === undefined ? memberOf(defaults, name) : undefined);
    const value = patched === undefined ? own : patched.value;
    // Amazon puts it in an object.
    const tier = serviceTierOf(isObject(value) ? value.type : value);
    if (tier !== undefined) return tier === 'Standard' || tier === 'Other' ? undefined : tier;
  }
  return undefined;
}

const memberOf = (changes: PatchBody['set'], name: string): PatchBody['set'][number] | undefined =>
  changes.find((change) => change.name === name);

/** A tier's name is short; what is longer is none. */
function parsed(text: string): unknown {
  return text.length > 200 ? undefined : (JSON.parse(text) as unknown);
}
