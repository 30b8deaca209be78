/** Requests to a real API server, with what kubectl would also show: warnings. */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import type { KubeApiServer } from '../../support/kube-apiserver.ts';
import type { Manifest } from './renders.ts';

export interface Answer {
  status: number;
  // What it is depends on what was asked.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any;
  warnings: string[];
}

export function call(
  server: KubeApiServer,
  method: string,
  path: string,
  body?: unknown,
  contentType = 'application/json',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(`${server.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${server.token}`, 'content-type': contentType },
      ca: readFileSync(server.caPath),
      agent: false,
    });
    req.on('error', reject);
    req.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const warnings = [response.headers.warning ?? []].flat();
        resolve({ status: response.statusCode ?? 0, body: parsed(text), warnings });
      });
    });
    req.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Paths that are not served are answered in plain text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { message: text };
  }
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
