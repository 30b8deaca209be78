/** The embedded development API server: Kubernetes' API over HTTP on loopback, in memory, for the project's kinds. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dump } from 'js-yaml';
import type { CustomResourceDefinition } from '../../crds/definitions.ts';
import { guard } from './http/guard.ts';
import { type Context, send, serveResource } from './http/resource.ts';
import { StatusError } from './http/status-error.ts';
import { type Registry, registryOf } from './kinds/registry.ts';
import { aggregatedDiscovery, legacyDiscovery } from './present/discovery.ts';
import { openapiDocument, openapiIndex } from './present/openapi.ts';
import { Store } from './storage/store.ts';
import { TokenIssuer, type TokenRequest } from './tokens.ts';
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
  const { now = () => new Date(), historyLimit = 1000, bookmarkEvery = 60_000 } = options;
  const store = new Store(now().getTime(), historyLimit);
  const context: Context = { registry: registryOf(options.crds), store, now, bookmarkEvery };
  let url = '';
  const tokens = new TokenIssuer(() => options.tokens?.issuer ?? url, now);
  for (const name of ['default', 'kube-system']) addNamespace(context, name);
  const server = createServer((req, res) => {
    handle(context, tokens, req, res).catch((error: unknown) => fail(res, error));
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

const VERSION = { major: '1', minor: '36', gitVersion: 'v1.36.0-outrider', platform: 'embedded' };
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

async function handle(
  { registry, ...context }: Context,
  tokens: TokenIssuer,
  req: IncomingMessage,
  res: ServerResponse,
) {
  guard(req);
  const url = new URL(req.url ?? '/', 'http://127.0.0.1');
  if (url.pathname.length > 1) url.pathname = url.pathname.replace(/\/$/, '');
  const [body, type] =
    (req.method === 'GET' && document(registry, tokens, url.pathname, req.headers.accept)) || [];
  if (body) send(res, 200, body, type);
  else if (!(await serveResource({ registry, ...context }, req, res, url)))
    send(res, 404, '404 page not found\n', 'text/plain');
}

/** What is served besides resources, and its media type if it is not plain JSON. */
function document(
  { kinds }: Registry,
  tokens: TokenIssuer,
  path: string,
  accept = '',
): [unknown, string?] | undefined {
  if (path === '/version') return [VERSION];
  if (['/readyz', '/livez', '/healthz'].includes(path)) return ['ok', 'text/plain'];
  if (path === '/openid/v1/jwks') return [tokens.jwks(), 'application/jwk-set+json'];
  if (path === '/.well-known/openid-configuration') return [tokens.configuration()];
  if (path === '/openapi/v3') return [openapiIndex(kinds)];
  if (path.startsWith('/openapi/v3/')) return [openapiDocument(kinds, path.slice('/openapi/v3/'.length))];
  if ((path === '/api' || path === '/apis') && accept.includes(AGGREGATED)) {
    return [aggregatedDiscovery(kinds, path === '/api'), AGGREGATED];
  }
  return [legacyDiscovery(kinds, path)];
}

function fail(res: ServerResponse, error: unknown): void {
  const status = error instanceof StatusError ? error : new StatusError(500, 'InternalError', String(error));
  if (res.headersSent) res.destroy();
  else send(res, status.code, status.toStatus());
}

function addNamespace({ registry, store, now }: Context, name: string): void {
  const kind = registry.kinds.find((one) => one.kind === 'Namespace');
  if (!kind) return;
  const options = { dryRun: false, fieldValidation: 'Strict', manager: 'outrider', force: false };
  const nowhere = { namespace: undefined, name: undefined, subresource: undefined };
  create({ store, kind, ...nowhere, options, now: now(), warnings: [] }, { metadata: { name } });
}

/** Client libraries refuse plain HTTP unless told that TLS is not to be verified. */
const kubeconfig = (server: string): string => {
  const cluster = { server, 'insecure-skip-tls-verify': true };
  const name = 'outrider';
  return dump({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
  });
};
