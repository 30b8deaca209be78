/**
 * The operator's one door to hosts other than the API server. It leads to services that give tokens, by TLS, and to what
 * `egressHosts` adds; which of them is asked is fixed in the code or said by the operator's own environment, never by a resource.
 */
import type { Clock } from '../../sidecar/snapshot/clock.ts';
import { httpIO } from '../../sidecar/tokens/http-io.ts';
import { type Minted, type MintRequest, mint } from '../../sidecar/tokens/mint.ts';

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
