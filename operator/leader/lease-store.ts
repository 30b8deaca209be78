/** Reads and writes one Lease. Every write names the version it was decided on, so of two writers one is refused. */
import type { ApiClient } from '../watch/api-client.ts';
import { unless } from '../watch/api-error.ts';
import type { LeaseObject } from './lease.ts';

export interface LeaseStore {
  /** Undefined where there is none. */
  read(signal: AbortSignal): Promise<LeaseObject | undefined>;
  /** Undefined where somebody else was first: the object exists, changed, or is gone. */
  create(
    lease: Pick<LeaseObject, 'spec' | 'metadata'>,
    signal: AbortSignal,
  ): Promise<LeaseObject | undefined>;
  update(lease: LeaseObject, signal: AbortSignal): Promise<LeaseObject | undefined>;
}

export function kubernetesLease(
  client: ApiClient,
  { namespace, name }: { namespace: string; name: string },
): LeaseStore {
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const type = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };
  return {
    read: (signal) => unless([404], client.json<LeaseObject>({ path: `${collection}/${name}`, signal })),
    create: (lease, signal) =>
      unless(
        [409],
        client.json<LeaseObject>({
          method: 'POST',
          path: collection,
          body: { ...type, ...lease, metadata: { ...lease.metadata, name, namespace } },
          signal,
        }),
      ),
    update: (lease, signal) => {
      // Who wrote which field is the server's own bookkeeping. uid and resourceVersion make it refuse what is outdated.
      const { managedFields: _, ...metadata } = lease.metadata as LeaseObject['metadata'] & {
        managedFields?: unknown;
      };
      const body = { ...type, ...lease, metadata };
      return unless(
        [404, 409],
        client.json<LeaseObject>({ method: 'PUT', path: `${collection}/${name}`, body, signal }),
      );
    },
  };
}
