/** The ledger in ConfigMaps of the operator's namespace: nothing else is needed, and whoever backs up the cluster has it. */
import type { KubeObject } from '../../crds/common.ts';
import type { ApiClient } from '../watch/api-client.ts';
import { unless } from '../watch/api-error.ts';
import type { LedgerStore, Stored } from './store.ts';

interface ConfigMap extends KubeObject {
  binaryData?: Record<string, string>;
}

const LABELS = { 'app.kubernetes.io/name': 'outrider', 'app.kubernetes.io/component': 'ledger' };
/** Finds the objects of every ledger. */
export const LEDGER_SELECTOR = Object.entries(LABELS)
  .map(([name, value]) => `${name}=${value}`)
  .join(',');
const FILE = 'ledger.json.gz';

/** `prefix` stands before the names, so that two installations in a namespace keep two ledgers. */
export function configMapStore(client: ApiClient, namespace: string, prefix: string): LedgerStore {
  const collection = `/api/v1/namespaces/${namespace}/configmaps`;
  const path = (name: string) => `${collection}/${prefix}-${name}`;
  return {
    async read(name) {
      const found = await unless([404], client.json<ConfigMap>({ path: path(name) }));
      return found && stored(found);
    },
    async write(name, bytes, version) {
      const metadata = { name: `${prefix}-${name}`, namespace, labels: LABELS };
      const body = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: version === undefined ? metadata : { ...metadata, resourceVersion: version },
        binaryData: { [FILE]: bytes.toString('base64') },
      };
      const request =
        version === undefined
          ? ({ method: 'POST', path: collection, body } as const)
          : ({ method: 'PUT', path: path(name), body } as const);
      const answer = await unless([404, 409], client.json<ConfigMap>(request));
      return answer?.metadata.resourceVersion;
    },
    async remove(name) {
      await unless([404], client.json({ method: 'DELETE', path: path(name) }));
    },
    async names() {
      const { items } = await client.json<{ items: ConfigMap[] }>({
        path: collection,
        query: { labelSelector: LEDGER_SELECTOR },
      });
      const names = items.map(({ metadata }) => metadata.name);
      return names.filter((n) => n.startsWith(`${prefix}-`)).map((n) => n.slice(prefix.length + 1));
    },
  };
}

function stored({ metadata, binaryData }: ConfigMap): Stored {
  return {
    bytes: Buffer.from(binaryData?.[FILE] ?? '', 'base64'),
    version: metadata.resourceVersion ?? '',
  };
}
