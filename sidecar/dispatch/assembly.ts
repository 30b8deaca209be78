/** Makes the request of an attempt once everything it needs is at hand: as whom it is sent, in which words, and signed. */
import type { OpenWay } from '../dialects/pairing.ts';
import type { Exchange } from '../exchange.ts';
import { requirePermitted } from '../routing/constraints/data-policy.ts';
import type { Candidate } from '../routing/plan.ts';
import type { RuleBody } from '../snapshot/schema.ts';
import { authorize, signRequest } from './auth/authorize.ts';
import { noteChanges } from './notes.ts';
import type { DispatchParts } from './parts.ts';
import type { Preparation } from './preparation.ts';
import { buildRequest, type UpstreamRequest } from './upstream-request.ts';
import type { Upstream } from './upstreams.ts';

/** Everything of an attempt but the attempt. */
export interface Ready {
  readonly upstream: Upstream;
  readonly way: OpenWay;
  readonly request: UpstreamRequest;
  /** The key that is sent; undefined with none of ours. */
  readonly secret: string | undefined;
  /** To be awaited before it is sent; rejects where it cannot be signed. */
  readonly signed: Promise<void> | undefined;
}

export class Assembly {
  readonly #exchange: Exchange;
  readonly #rule: RuleBody;
  readonly #parts: DispatchParts;
  readonly #preparation: Preparation;
  readonly #warningsBefore: number;
  #firstCredential: string | undefined = undefined;

  constructor(exchange: Exchange, rule: RuleBody, parts: DispatchParts, preparation: Preparation) {
    this.#exchange = exchange;
    this.#rule = rule;
    this.#parts = parts;
    this.#preparation = preparation;
    this.#warningsBefore = exchange.warnings.length;
  }

  /** `otherSecret`: instead of the current one. Throws OutriderError where the request cannot be put to this target. */
  assemble(candidate: Candidate, otherSecret: string | undefined): Ready {
    const exchange = this.#exchange;
    const parts = this.#parts;
    requirePermitted(candidate, this.#rule, exchange.facts);
    const { credential } = candidate;
    const upstream = parts.upstreams.of(candidate);
    const way = this.#preparation.way(candidate);
    const { rawHeaders } = exchange.req;
    const authorization = authorize(rawHeaders, candidate, upstream.type, way.spoken, parts, otherSecret);
    const { secret, session } = authorization;
    const key = credential?.id ?? candidate.providerId;
    this.#firstCredential ??= key;
    exchange.warnings.length = this.#warningsBefore;
    const crossed = this.#preparation.cross(way, candidate);
    const request = buildRequest(exchange, candidate, upstream, this.#rule, {
      authorization,
      callerKey: credential?.type === 'Passthrough',
      keepIdempotency: this.#firstCredential === key,
      askUsage: parts.usage.mayAsk(candidate),
      way,
      crossed,
    });
    if (request.changes.length > 0) noteChanges(exchange, candidate, request.changes);
    const signed =
      session &&
      signRequest(request, session, {
        service: upstream.type.signedFor ?? '',
        region: upstream.provider.parameters?.region ?? '',
        host: upstream.authority,
        wall: parts.clock.wall(),
      });
    return { upstream, way, request, secret, signed };
  }
}
