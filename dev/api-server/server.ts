/** The embedded development API server: Kubernetes' API over HTTP on loopback, in memory, for the project's kinds. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dump } from 'js-yaml';
import type { CustomResourceDefinition } from '../../crds/definitions.ts';
import { guard } from './http/request.ts';
import { send, serveResource } from './http/resource.ts';
import { StatusError } from './http/status-error.ts';
import { namespaces } from './kinds/builtin.ts';
import { servedKinds } from './kinds/registry.ts';
import { documentAt } from './present/documents.ts';
import { Store } from './storage/store.ts';
import { type TokenRequest, tokenIssuer } from './tokens.ts';
import { create } from './write/write.ts';

export interface ApiServerOptions {
  /** 0 or unset: any free port. */
  port?: number;
  crds: readonly CustomResourceDefinition[];
  /** Issuer of minted tokens; unset: the server's URL. */
  tokens?: { issuer?: string };
  now?: () => Date;
  /** Changes kept per kind for watches to continue from, at least; twice as many at most. Unset: 1,000. */
  historyLimit?: number;
  /** Milliseconds between bookmarks of a watch. Unset: a minute. */
  bookmarkEvery?: number;
}

export interface ApiServer {
  readonly url: string;
  readonly port: number;
  readonly store: Store;
  /** YAML for kubectl and client libraries. */
  kubeconfig(): string;
  mintToken(request: TokenRequest): string;
  /** Ends open watches too. */
  close(): Promise<void>;
}

export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { crds, now = () => new Date(), historyLimit = 1000, bookmarkEvery = 60_000 } = options;
  const store = new Store(now().getTime(), historyLimit);
  const kinds = servedKinds(crds);
  let url = '';
  const tokens = tokenIssuer(() => options.tokens?.issuer ?? url, now);
  for (const name of ['default', 'kube-system']) addNamespace(store, name, now());

  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    guard(req);
    const { pathname, searchParams: query } = new URL(`http://127.0.0.1${req.url}`);
    const path = pathname.replace(/(.)\/$/, '$1');
    const document = req.method === 'GET' && documentAt(path, kinds, tokens, req.headers.accept);
    if (document) return send(res, 200, document.body, document.type);
    const served = { kinds, store, now, bookmarkEvery, req, res, query };
    if (!(await serveResource(served, path))) send(res, 404, '404 page not found\n', 'text/plain');
  };
  const server = createServer((req, res) => {
    handle(req, res).catch((error: unknown) => fail(res, error));
  });
  server.keepAliveTimeout = 120_000;
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    store,
    kubeconfig: () => kubeconfig(url),
    mintToken: (request) => tokens.mint(request),
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function fail(res: ServerResponse, error: unknown): void {
  const known = error instanceof StatusError ? error : new StatusError(500, 'InternalError', String(error));
  if (res.headersSent) res.destroy();
  else send(res, known.code, known.toStatus());
}

function addNamespace(store: Store, name: string, now: Date): void {
  const target = { kind: namespaces, namespace: undefined, name: undefined, subresource: undefined };
  const options = { dryRun: false, fieldValidation: 'Strict', manager: 'outrider', force: false };
  create({ ...target, store, options, now, warn: () => undefined }, { metadata: { name } });
}

/** Client libraries refuse plain HTTP unless told that TLS is not to be verified. */
function kubeconfig(server: string): string {
  const name = 'outrider';
  const clusters = [{ name, cluster: { server, 'insecure-skip-tls-verify': true } }];
  const contexts = [{ name, context: { cluster: name, user: name, namespace: 'default' } }];
  const users = [{ name, user: {} }];
  return dump({ apiVersion: 'v1', kind: 'Config', 'current-context': name, clusters, users, contexts });
}
