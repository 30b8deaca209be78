/** What the operator gets from clouds, so that no long-lived secret of one leaves it. */
import type { MintRequest } from '../../sidecar/tokens/mint.ts';
import { mintRequest } from './credential-body.ts';
import type { CompiledProvider } from './provider-item.ts';
import type { Secrets } from './secrets.ts';

export interface Mint {
  /** Of the credential: `<namespace>/<provider>/<credential>`. */
  id: string;
  /** Undefined: the spec cannot be read now; what was asked for before stays. */
  request: MintRequest | undefined;
}

/** A token that was got, or why there is none. */
export type Token = { ok: true; value: string; version: string } | { ok: false; message: string };
export type Tokens = ReadonlyMap<string, Token>;

/** Types that no cloud is asked for. */
const SENT_AS_THEY_ARE: ReadonlySet<string> = new Set(['APIKey', 'Passthrough']);

/** Sorted as the providers are. Credentials whose Secrets cannot be read are not among them: the verdict says so. */
export function mintsOf(providers: Iterable<CompiledProvider>, secrets: Secrets): Mint[] {
  return [...providers].flatMap((provider): Mint[] => {
    const { source, item } = provider;
    if (!item) return [];
    const idOf = (name: string) => `${source.namespace}/${source.name}/${name}`;
    if (!source.parsed.ok || !item.body)
      return source.outline.credentials
        .filter(({ type }) => !SENT_AS_THEY_ARE.has(type))
        .map(({ name }) => ({ id: idOf(name), request: undefined }));
    const region = item.body.parameters?.region ?? '';
    return (source.parsed.spec.credentials ?? []).flatMap((credential) => {
      const wanted = mintRequest(credential, source.namespace, region, secrets);
      return wanted?.ok ? [{ id: idOf(credential.name), request: wanted.request }] : [];
    });
  });
}
