/**
 * The operator's one door to hosts other than the API server. It leads to services that give tokens, by TLS; to the own hosts
 * of vendors of known types, for vectors of examples, by TLS too; and to what `egressHosts` adds, for alerts of budgets to that alone. Which hosts those are is fixed in
 * the code or said by whoever runs the operator, never by a resource.
 */

import type { Clock } from '../../sidecar/snapshot/clock.ts';
import { dial, httpIO } from '../../sidecar/tokens/http-io.ts';
import { type Minted, type MintRequest, mint } from '../../sidecar/tokens/mint.ts';
import type { Post as PostAlert } from '../budgets/webhook.ts';
import { askForVectors, type Post } from '../vectors/ask.ts';
import { type ExampleVectorsOptions, NotDialled } from '../vectors/example-vectors.ts';

export interface OutboundOptions {
  clock: Pick<Clock, 'wall'>;
  /** Further hosts, such as those of a sovereign cloud. */
  egressHosts?: readonly string[];
}

export function outboundMint({
  clock,
  egressHosts,
}: OutboundOptions): (request: MintRequest) => Promise<Minted> {
  const io = httpIO({ now: () => clock.wall(), ...(egressHosts && { hosts: egressHosts }) });
  return (request) => mint(request, io);
}

const VECTORS = { timeoutMs: 30_000, maxBytes: 32 * 1024 * 1024 };

/** Dials where the URL is the vendor's own, or its host is one of `egressHosts`. `post`: unset, over the network. */
export function outboundVectors(
  { egressHosts = [] }: Pick<OutboundOptions, 'egressHosts'>,
  post: Post = (call) => dial({ ...call, method: 'POST' }, VECTORS),
): ExampleVectorsOptions['ask'] {
  return (wanted, texts) => {
    const { protocol, hostname } = new URL(wanted.url);
    const isVendors = wanted.isDefault && protocol === 'https:';
    if (isVendors || egressHosts.includes(hostname)) return askForVectors(post, wanted, texts);
    return Promise.reject(new NotDialled(`${hostname} is not among the hosts that the operator may dial`));
  };
}

const WEBHOOK = { timeoutMs: 10_000, maxBytes: 64 * 1024 };

/** Dials, by TLS, the hosts of `egressHosts` and no others: no vendor is told of alerts. `post`: unset, over the network. */
export function outboundWebhooks(
  { egressHosts = [] }: Pick<OutboundOptions, 'egressHosts'>,
  post: PostAlert = (call) => dial({ ...call, method: 'POST' }, WEBHOOK),
): PostAlert {
  return (call) => {
    const { protocol, hostname } = new URL(call.url);
    if (protocol === 'https:' && egressHosts.includes(hostname)) return post(call);
    return Promise.reject(new NotDialled(`${hostname} is not among the hosts that the operator may dial`));
  };
}
