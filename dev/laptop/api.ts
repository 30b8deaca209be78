/** The few calls the laptop makes to its API server itself; everything else is kubectl's. */
import { KINDS } from '../../crds/kinds.ts';

interface Applicable {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
}

const PLURALS: Record<string, string> = {
  Namespace: 'namespaces',
  Secret: 'secrets',
  Pod: 'pods',
  ...Object.fromEntries(KINDS.map(({ kind, plural }) => [kind, plural])),
};

function pathOf({ apiVersion, kind, metadata }: Applicable): string {
  const plural = PLURALS[kind];
  if (!plural) throw new Error(`${kind} ${metadata.name}: the laptop cluster has no such kind`);
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const scope = kind === 'Namespace' ? '' : `/namespaces/${metadata.namespace ?? 'default'}`;
  return `${base}${scope}/${plural}/${metadata.name}`;
}

async function call<T>(
  server: string,
  method: string,
  path: string,
  body: unknown,
  type: string,
): Promise<T> {
  const response = await fetch(`${server}${path}`, {
    method,
    headers: { 'content-type': type, accept: 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as T & { message?: string };
  if (!response.ok) throw new Error(`${method} ${path}: ${answer.message ?? response.status}`);
  return answer;
}

/** Creates the object, or replaces what is there. */
export async function put<T extends Applicable>(server: string, object: T): Promise<T> {
  const path = pathOf(object);
  const there = await fetch(`${server}${path}`);
  if (there.status === 404) {
    return call<T>(server, 'POST', path.slice(0, path.lastIndexOf('/')), object, 'application/json');
  }
  const { metadata } = (await there.json()) as { metadata: { resourceVersion: string } };
  const merged = { ...object, metadata: { ...object.metadata, resourceVersion: metadata.resourceVersion } };
  return call<T>(server, 'PUT', path, merged, 'application/json');
}

export async function putStatus<T extends Applicable>(server: string, object: T): Promise<T> {
  return call<T>(server, 'PUT', `${pathOf(object)}/status`, object, 'application/json');
}
