/**
 * Tokens that the sidecar gets for the identity of its pod. Got when the first request needs one, kept, and got anew before they
 * end while requests still come; nothing is dialled for credentials that no request uses.
 */
import { OutriderError } from '../../../errors/table.ts';
import type { Clock } from '../../snapshot/clock.ts';
import type { CredentialBody, WorkloadIdentity } from '../../snapshot/schema.ts';
import type { Minted, MintRequest } from '../../tokens/mint.ts';

/** Mints for a request; rejects where no token is had. The sidecar loads the code with the first. */
export type Mint = (request: MintRequest) => Promise<Minted>;

/** With less than this left a token is got anew in the background; with none left requests wait for it. */
const AHEAD_MS = 300_000;
/** A cloud that refuses is not asked again at once. */
const RETRY_MS = 5_000;

interface Held {
  readonly identity: string;
  minted: Minted | undefined;
  pending: Promise<void> | undefined;
  /** Wall time before which it is not tried again. */
  notBefore: number;
}

export class WorkloadTokens {
  readonly #mint: Mint;
  readonly #clock: Pick<Clock, 'wall'>;
  readonly #held = new Map<string, Held>();

  constructor(mint: Mint, clock: Pick<Clock, 'wall'>) {
    this.#mint = mint;
    this.#clock = clock;
  }

  /** The token as it is now; undefined where there is none that still holds. */
  value({ id }: CredentialBody): string | undefined {
    const minted = this.#held.get(id)?.minted;
    return minted && minted.expiresAt > this.#clock.wall() ? minted.value : undefined;
  }

  /** Undefined: a token is there, or none is needed. Rejects with `credential_unavailable`. */
  ready(credential: CredentialBody | undefined): Promise<void> | undefined {
    const { workload } = credential ?? {};
    if (credential === undefined || workload === undefined) return undefined;
    const held = this.#of(credential.id, workload);
    const now = this.#clock.wall();
    const left = (held.minted?.expiresAt ?? 0) - now;
    if (left <= AHEAD_MS && held.pending === undefined && now >= held.notBefore) {
      held.pending = this.#get(held, workload);
    }
    if (left > 0) return undefined;
    const unavailable = () => new OutriderError('credential_unavailable', { credential: credential.id });
    if (held.pending === undefined) return Promise.reject(unavailable());
    return held.pending.then(() => {
      if (this.value(credential) === undefined) throw unavailable();
      return undefined;
    });
  }

  /** Forgets credentials that are no longer configured. */
  retain(ids: ReadonlySet<string>): void {
    for (const id of this.#held.keys()) if (!ids.has(id)) this.#held.delete(id);
  }

  /** Never rejects. */
  async #get(held: Held, workload: WorkloadIdentity): Promise<void> {
    try {
      held.minted = await this.#mint(requestFor(workload));
    } catch {
      held.notBefore = this.#clock.wall() + RETRY_MS;
    } finally {
      held.pending = undefined;
    }
  }

  #of(id: string, workload: WorkloadIdentity): Held {
    const identity = JSON.stringify(workload);
    let held = this.#held.get(id);
    if (held?.identity !== identity) {
      held = { identity, minted: undefined, pending: undefined, notBefore: 0 };
      this.#held.set(id, held);
    }
    return held;
  }
}

function requestFor(workload: WorkloadIdentity): MintRequest {
  switch (workload.cloud) {
    case 'AWS':
      return { kind: 'AWSWebIdentity', region: workload.region, roleARN: workload.roleARN };
    case 'Google':
      return {
        kind: 'GoogleWorkloadIdentity',
        audience: workload.audience,
        serviceAccount: workload.serviceAccount,
      };
    case 'Azure':
      return {
        kind: 'AzureWorkloadIdentity',
        tenantId: workload.tenantID,
        clientId: workload.clientID,
      };
  }
}
