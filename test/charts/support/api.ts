/** Requests to a real API server, whose answers may be anything. */
import type { KubeApiServer } from '../../support/kube-apiserver.ts';
import { type KubeAnswer, kubeRequest } from '../../support/kube-request.ts';
import type { Manifest } from './renders.ts';

export interface Answer extends Omit<KubeAnswer, 'body'> {
  // What it is depends on what was asked.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any;
}

export function call(
  server: KubeApiServer,
  method: string,
  path: string,
  body?: unknown,
  contentType?: string,
): Promise<Answer> {
  return kubeRequest(server, method, path, body, contentType);
}

export function collectionPath({ apiVersion, kind, metadata: { namespace } }: Manifest): string {
  const plural = `${kind.toLowerCase().replace(/y$/, 'ie').replace(/s$/, 'se')}s`;
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${root}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}`;
}

/** Server-side apply; `query` such as `dryRun=All`. Fields that no schema knows are refused. */
export function apply(server: KubeApiServer, object: Manifest, query = ''): Promise<Answer> {
  const path = `${collectionPath(object)}/${object.metadata.name}?fieldManager=test&force=true&fieldValidation=Strict&${query}`;
  return call(server, 'PATCH', path, object, 'application/apply-patch+yaml');
}
