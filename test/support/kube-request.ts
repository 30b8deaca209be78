/** JSON requests to a real API server. */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import type { CustomResourceDefinition } from '../../crds/definitions.ts';
import type { KubeApiServer } from './kube-apiserver.ts';
import { PATIENCE_MS } from './until.ts';

export interface KubeAnswer {
  status: number;
  /** Parsed JSON, or the text where it is none, as of paths that are not served. */
  body: Record<string, unknown> & {
    message?: string;
    details?: { causes?: { field: string; message: string }[] };
  };
  /** What kubectl would also show. */
  warnings: string[];
}

export function kubeRequest(
  server: KubeApiServer,
  method: string,
  path: string,
  body?: unknown,
  contentType = 'application/json',
): Promise<KubeAnswer> {
  const headers = { authorization: `Bearer ${server.token}`, 'content-type': contentType };
  return new Promise((resolve, reject) => {
    const req = request(`${server.url}${path}`, {
      method,
      headers,
      ca: readFileSync(server.caPath),
      agent: false,
    });
    req.on('error', reject);
    req.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const warnings = [response.headers.warning ?? []].flat();
        resolve({ status: response.statusCode ?? 0, body: parse(text), warnings });
      });
    });
    req.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function parse(text: string): KubeAnswer['body'] {
  try {
    return JSON.parse(text) as KubeAnswer['body'];
  } catch {
    return { message: text };
  }
}

/** Creates a CRD and waits until its objects can be created. */
export async function installCrd(server: KubeApiServer, crd: CustomResourceDefinition): Promise<void> {
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const created = await kubeRequest(server, 'POST', crds, crd);
  if (created.status !== 201) throw new Error(`CRD ${crd.metadata.name} is refused: ${created.body.message}`);
  const { group, names, versions } = crd.spec;
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const list = await kubeRequest(server, 'GET', `/apis/${group}/${versions[0]?.name}/${names.plural}`);
    if (list.status === 200) return;
    if (performance.now() > deadline) throw new Error(`CRD ${crd.metadata.name} is not served`);
    await delay(50);
  }
}
