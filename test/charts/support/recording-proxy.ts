/** Stands between the operator and a real API server on loopback, and remembers what was asked and what came of it. */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { KubeApiServer } from '../../support/kube-apiserver.ts';

/** A request in the words of RBAC. */
export interface Asked {
  verb: string;
  /** `resource` or `resource/subresource`; the path, where it is no resource. */
  resource: string;
  group: string;
  namespace: string;
  /** Empty where it is about all. */
  name: string;
  status: number;
}

export interface RecordingProxy {
  url: string;
  asked: Asked[];
  /** Behaves as servers before 1.32, which do not begin a watch with what there is. */
  isOld: boolean;
  close(): Promise<void>;
}

export async function startRecordingProxy(server: KubeApiServer): Promise<RecordingProxy> {
  const asked: Asked[] = [];
  const ca = readFileSync(server.caPath);
  const agent = new https.Agent({ keepAlive: true });
  const proxy: RecordingProxy = { url: '', asked, isOld: false, close: () => Promise.resolve() };
  const listener = http.createServer((req, res) => {
    if (proxy.isOld && req.url?.includes('sendInitialEvents')) {
      req.resume();
      res.writeHead(422, { 'content-type': 'application/json' }).end(UNKNOWN);
      return;
    }
    const onward = https.request(`${server.url}${req.url}`, {
      method: req.method ?? 'GET',
      headers: req.headers,
      ca,
      agent,
    });
    onward.on('response', (response) => {
      asked.push(...inWords(req.method ?? 'GET', req.url ?? '', response.statusCode ?? 0));
      res.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(res);
    });
    onward.on('error', () => res.destroy());
    res.on('close', () => onward.destroy());
    req.pipe(onward);
  });
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
  proxy.url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  proxy.close = async () => {
    const closed = new Promise((done) => listener.close(done));
    listener.closeAllConnections();
    agent.destroy();
    await closed;
  };
  return proxy;
}

const UNKNOWN = JSON.stringify({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  message: 'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden',
  reason: 'Invalid',
  code: 422,
});

const RESOURCE =
  /^\/(?:api|apis\/(?<group>[^/]+))\/v[^/]+(?:\/namespaces\/(?<namespace>[^/]+)(?=\/))?\/(?<plural>[^/]+)(?:\/(?<name>[^/]+))?(?:\/(?<sub>[^/]+))?$/;

function inWords(method: string, target: string, status: number): Asked[] {
  const { pathname, searchParams } = new URL(target, 'http://x');
  const found = RESOURCE.exec(pathname)?.groups;
  if (!found)
    return [{ verb: method.toLowerCase(), resource: pathname, group: '', namespace: '', name: '', status }];
  const { group = '', namespace = '', plural = '', name = '', sub } = found;
  const only = /^metadata\.name=(.+)$/.exec(searchParams.get('fieldSelector') ?? '')?.[1];
  const about = {
    resource: sub === undefined ? plural : `${plural}/${sub}`,
    group,
    namespace,
    name: name || (only ?? ''),
    status,
  };
  const verb = verbOf(method, name, searchParams);
  // An apply that makes the object has asked for the right to create it too.
  return verb === 'patch' && status === 201
    ? [
        { ...about, verb },
        { ...about, verb: 'create' },
      ]
    : [{ ...about, verb }];
}

function verbOf(method: string, name: string, query: URLSearchParams): string {
  if (method !== 'GET')
    return { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }[method] ?? method;
  if (name !== '') return 'get';
  return query.get('watch') === 'true' ? 'watch' : 'list';
}
