/** PURE: how many sidecars have said that they trust what is published. */
import type { ProxyState } from '../sync/registry.ts';
import type { FleetTrust } from './rotation.ts';

/**
 * @param pods uids of pods that run a sidecar, whether they are connected or not
 * @param stateOf what is known of a pod's sidecar
 * @param hash of the bundle that is published
 */
export function fleetTrust(
  pods: Iterable<string>,
  stateOf: (uid: string) => ProxyState | undefined,
  hash: string,
): FleetTrust {
  const fleet = { behind: 0, silent: 0 };
  for (const uid of pods) {
    const proxy = stateOf(uid);
    if (proxy?.trustBundle === hash) continue;
    // One that is away may have said something long ago; one of an older version never says anything.
    if (proxy?.connected && proxy.trustBundle !== undefined) fleet.behind += 1;
    else fleet.silent += 1;
  }
  return fleet;
}
