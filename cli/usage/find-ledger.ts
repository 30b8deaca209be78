/** Which ledger is meant where nobody says so: the only one that can be found. */
import { LEDGER_SELECTOR } from '../../operator/ledger/config-map-store.ts';
import { SHARD_OBJECT } from '../../operator/ledger/objects.ts';
import type { ApiClient } from '../../operator/watch/api-client.ts';
import { ApiError } from '../../operator/watch/api-error.ts';

export interface LedgerPlace {
  namespace: string;
  name: string;
}

/** Where the chart puts it. */
const USUAL: LedgerPlace = { namespace: 'outrider-system', name: 'outrider-ledger' };
const SHARD = new RegExp(`^(.+)-${SHARD_OBJECT}\\d+$`);

/** Throws where there are several. What is given is taken as it is; who may not list looks in the usual place. */
export async function findLedger(
  client: Pick<ApiClient, 'json'>,
  given: { namespace: string | undefined; name: string | undefined },
): Promise<LedgerPlace> {
  const { namespace, name } = given;
  if (namespace !== undefined && name !== undefined) return { namespace, name };
  const found = (await listed(client, namespace)).filter((one) => name === undefined || one.name === name);
  const [only, another] = found;
  if (only && another) {
    const all = found.map((one) => `${one.namespace}/${one.name}`).join(', ');
    throw new Error(`there are several ledgers, ${all}: say which with --ledger-namespace and --ledger-name`);
  }
  return only ?? { namespace: namespace ?? USUAL.namespace, name: name ?? USUAL.name };
}

async function listed(
  client: Pick<ApiClient, 'json'>,
  namespace: string | undefined,
): Promise<LedgerPlace[]> {
  const within = namespace === undefined ? '' : `/namespaces/${namespace}`;
  const places = new Map<string, LedgerPlace>();
  try {
    const { items } = await client.json<{ items: { metadata: { name: string; namespace?: string } }[] }>({
      path: `/api/v1${within}/configmaps`,
      query: { labelSelector: LEDGER_SELECTOR },
    });
    for (const { metadata } of items) {
      const name = SHARD.exec(metadata.name)?.[1];
      const place = { namespace: metadata.namespace ?? namespace ?? '', name: name ?? '' };
      if (name !== undefined) places.set(`${place.namespace}/${name}`, place);
    }
  } catch (error) {
    if (!(error instanceof ApiError && (error.status === 403 || error.status === 401))) throw error;
  }
  return [...places.values()];
}
