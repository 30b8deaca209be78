/**
 * Makes time pass for the operator's certificates. Rotation takes months; here the Secret is given what it would hold then,
 * and everything that follows is the operator's own doing.
 */
import { carryOut } from '../../../operator/certificates/carry-out.ts';
import type { Keyring } from '../../../operator/certificates/keyring.ts';
import { DEFAULT_LIFETIMES } from '../../../operator/certificates/rotation.ts';
import { fromSecretData, toSecretData } from '../../../operator/certificates/secret-data.ts';
import type { Cluster } from './cluster.ts';
import { SYSTEM } from './installation.ts';

const SECRET = `/api/v1/namespaces/${SYSTEM}/secrets/outrider-tls`;
const DAY_MS = 24 * 60 * 60_000;

export async function readKeyring(cluster: Cluster): Promise<Keyring> {
  return fromSecretData((await cluster.get(SECRET)).data);
}

/** The authority in force issues the certificate, as it would have done so many days ago. */
export async function ageServing(cluster: Cluster, days: number): Promise<Keyring> {
  return change(cluster, (keyring) =>
    carryOut(
      { kind: 'IssueServing', reason: 'of the suite' },
      keyring,
      at(keyring, Date.now() - days * DAY_MS),
    ),
  );
}

/** A next authority was introduced so many minutes ago. */
export async function introduceAuthority(cluster: Cluster, minutes: number): Promise<Keyring> {
  return change(cluster, (keyring) =>
    carryOut({ kind: 'Introduce' }, keyring, at(keyring, Date.now() - minutes * 60_000)),
  );
}

/** The wait for certificates of the authority before is over. */
export async function retireAuthority(cluster: Cluster): Promise<Keyring> {
  return change(cluster, async (keyring) => {
    if (keyring.state !== 'Retiring') throw new Error(`the keyring is ${keyring.state}`);
    return { ...keyring, until: Date.now() - 1000 };
  });
}

async function change(cluster: Cluster, edit: (keyring: Keyring) => Promise<Keyring>): Promise<Keyring> {
  const secret = await cluster.get(SECRET);
  const changed = await edit(fromSecretData(secret.data));
  await cluster.json(SECRET, { method: 'PUT', body: { ...secret, data: toSecretData(changed) } });
  return changed;
}

function at({ serving }: Keyring, now: number) {
  return { now, names: serving.names as [string, ...string[]], lifetimes: DEFAULT_LIFETIMES };
}
