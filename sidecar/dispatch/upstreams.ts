/** Where and how to call each provider, prepared when configuration changes so that a request only looks it up. */

import { EndpointPool } from '../http1/endpoint-pool.ts';
import { requestPath } from '../providers/path.ts';
import type { ProviderType, Spoken } from '../providers/provider-type.ts';
import { PROVIDER_TYPES } from '../providers/types.ts';
import { variantOf } from '../providers/variant.ts';
import type { Candidate } from '../routing/plan.ts';
import type { ProviderBody, RuleBody, TargetBody } from '../snapshot/schema.ts';
import { addressOf } from './address.ts';
import { mayForward, maySet } from './header-rules.ts';

/** Headers for one target: those that are always the same, and the caller's that may pass. */
export interface HeaderPlan {
  readonly fixed: readonly string[];
  readonly allowed: ReadonlySet<string>;
}

export class Upstream {
  readonly providerId: string;
  readonly provider: ProviderBody;
  readonly type: ProviderType;
  readonly pool: EndpointPool;
  /** Path of the base URL without a trailing slash. */
  readonly basePath: string;
  /** Host and port, as in the Host header. */
  readonly authority: string;
  readonly #plans = new WeakMap<TargetBody, HeaderPlan>();
  readonly #variants = new Map<ProviderType, Upstream>();

  constructor(providerId: string, provider: ProviderBody, pool: EndpointPool, type?: ProviderType) {
    const url = new URL(provider.url);
    this.providerId = providerId;
    this.provider = provider;
    this.type = type ?? PROVIDER_TYPES[provider.type];
    this.pool = pool;
    this.basePath = url.pathname.replace(/\/+$/, '');
    this.authority = url.host;
  }

  /** As the vendor is called for one model; the same object for all models of a kind. */
  forModel(model: string): Upstream {
    const type = variantOf(this.type, this.provider, model);
    if (type === this.type) return this;
    let variant = this.#variants.get(type);
    if (variant === undefined) {
      variant = new Upstream(this.providerId, this.provider, this.pool, type);
      this.#variants.set(type, variant);
    }
    return variant;
  }

  /** `model`: as the vendor calls it. */
  path(spoken: Spoken, model: string, stream: boolean): string {
    return requestPath(spoken, this.basePath, model, stream, this.provider);
  }

  headerPlan(target: TargetBody, rule: RuleBody): HeaderPlan {
    let plan = this.#plans.get(target);
    if (!plan) {
      plan = this.#makePlan(target, rule);
      this.#plans.set(target, plan);
    }
    return plan;
  }

  #authHeaders(): string[] {
    const { auth, speaks } = this.type;
    return ['authorization', auth.header, ...speaks.flatMap((spoken) => spoken.auth?.header ?? [])];
  }

  /** The target's headers stand over the provider's, and both over the caller's. */
  #makePlan(target: TargetBody, rule: RuleBody): HeaderPlan {
    const set = new Map<string, { name: string; value: string }>();
    for (const header of [...this.provider.headers, ...target.patch.headers]) {
      const name = header.name.toLowerCase();
      if (maySet(name)) set.set(name, header);
    }
    // Two keys in one request would leave it to the provider which of them counts.
    if (this.provider.credentials.length > 0) for (const name of this.#authHeaders()) set.delete(name);
    const fixed = ['Host', this.authority, 'Accept-Encoding', 'identity'];
    for (const { name, value } of set.values()) fixed.push(name, value);
    const allowed = new Set(this.type.requestHeaders);
    for (const name of rule.forwardHeaders) if (mayForward(name)) allowed.add(name);
    for (const name of set.keys()) allowed.delete(name);
    return { fixed, allowed };
  }
}

/**
 * The upstreams of the running configuration. Connections outlive a change of configuration as long as endpoint and TLS
 * settings stay; a request that began under an older configuration keeps the upstream it was planned with.
 */
export class Upstreams {
  readonly #byProvider = new Map<string, Upstream>();
  readonly #pools = new Map<string, EndpointPool>();
  readonly #now: () => number;

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  of(candidate: Candidate): Upstream {
    const known = this.#byProvider.get(candidate.providerId);
    const model = candidate.upstreamModel;
    if (known !== undefined && known.provider === candidate.provider) return known.forModel(model);
    const upstream = this.#open(candidate.providerId, candidate.provider);
    this.#byProvider.set(candidate.providerId, upstream);
    return upstream.forModel(model);
  }

  /** Prepares for a new configuration, and retires the connections that no provider of it uses. */
  apply(providers: Iterable<readonly [string, ProviderBody]>): void {
    this.#byProvider.clear();
    const used = new Set<EndpointPool>();
    for (const [id, provider] of providers) {
      const upstream = this.#open(id, provider);
      this.#byProvider.set(id, upstream);
      used.add(upstream.pool);
    }
    this.#retire(used);
  }

  /** Retires every connection; running requests end undisturbed. */
  close(): void {
    this.#byProvider.clear();
    this.#retire(new Set());
  }

  #open(id: string, provider: ProviderBody): Upstream {
    const url = new URL(provider.url);
    const { idleSocketMs } = PROVIDER_TYPES[provider.type];
    const key = JSON.stringify([url.protocol, url.host, provider.caBundle, idleSocketMs]);
    let pool = this.#pools.get(key);
    if (!pool) {
      pool = new EndpointPool({
        ...addressOf(url),
        caBundle: provider.caBundle,
        idleMs: idleSocketMs,
        now: this.#now,
      });
      this.#pools.set(key, pool);
    }
    return new Upstream(id, provider, pool);
  }

  #retire(used: ReadonlySet<EndpointPool>): void {
    for (const [key, pool] of this.#pools) {
      if (used.has(pool)) continue;
      this.#pools.delete(key);
      pool.retire();
    }
  }
}
