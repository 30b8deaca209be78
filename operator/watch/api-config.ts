/**
 * Where the API server is and how to prove who we are: everything a kubeconfig can say, read by the official client.
 *
 * The configuration is loaded again after a 401, because a kubeconfig's token file, an exec plugin's answer and a client
 * certificate are read once per load: a rotated credential would otherwise never be seen.
 */
import http from 'node:http';
import https from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';

/** What one request needs beside its own path and body. */
export interface ApiAccess {
  server: URL;
  headers: Record<string, string>;
  agent: http.Agent;
  /** The configuration as it was loaded; tells accesses of one loading from those of the next. */
  loaded: KubeConfig;
}

export interface ApiConfig {
  access(): Promise<ApiAccess>;
  /** Reads tokens and certificates anew; `stale` is the access the server refused. */
  reload(stale: ApiAccess): void;
  /** Closes idle connections. */
  close(): void;
}

/** TCP probes of an idle connection: they find a peer that vanished without a word in about 25 s. */
export const KEEP_ALIVE_MS = 15_000;

/** Loads `path`, or what `kubectl` would use, or the Pod's own ServiceAccount. */
export function loadKubeConfig(path: string | undefined): KubeConfig {
  const config = new KubeConfig();
  if (path) config.loadFromFile(path);
  else config.loadFromDefault();
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error(`the kubeconfig${path ? ` ${path}` : ''} has no current cluster`);
  return config;
}

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

interface Identity {
  ca: unknown;
  cert: unknown;
  key: unknown;
  servername: unknown;
  rejectUnauthorized: unknown;
}

function sameIdentity(a: Identity, b: Identity): boolean {
  const same = (x: unknown, y: unknown) =>
    Buffer.isBuffer(x) && Buffer.isBuffer(y) ? x.equals(y) : Object.is(x, y);
  return (
    same(a.ca, b.ca) &&
    same(a.cert, b.cert) &&
    same(a.key, b.key) &&
    same(a.servername, b.servername) &&
    same(a.rejectUnauthorized, b.rejectUnauthorized)
  );
}

/** @param load called at first use and again after a 401 */
export function apiConfig(load: () => KubeConfig): ApiConfig {
  let loaded: KubeConfig | undefined;
  let last: { access: ApiAccess; identity: Identity } | undefined;

  return {
    async access() {
      loaded ??= load();
      const server = new URL(loaded.getCurrentCluster()?.server ?? '');
      // A bearer token must not cross a network in the clear; on loopback (kubectl proxy, the embedded server) it may.
      const plain = server.protocol === 'http:' && LOOPBACK.has(server.hostname);
      if (plain) for (const cluster of loaded.clusters) allowPlain(cluster);
      const options: https.RequestOptions = { headers: {} };
      await loaded.applyToHTTPSOptions(options);
      const { ca, cert, key, servername, rejectUnauthorized } = options;
      const identity = { ca, cert, key, servername, rejectUnauthorized };
      const agent =
        last && sameIdentity(last.identity, identity)
          ? last.access.agent
          : makeAgent(loaded, server, options);
      const headers = { ...(options.headers as Record<string, string>) };
      if (options.auth) headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
      const access = { server, headers, agent, loaded };
      last = { access, identity };
      return access;
    },
    reload(stale) {
      // Many requests may be refused at once; the first one reloads for all.
      if (loaded === stale.loaded) loaded = undefined;
    },
    close() {
      last?.access.agent.destroy();
    },
  };
}

function allowPlain(cluster: { skipTLSVerify?: boolean }): void {
  cluster.skipTLSVerify = true;
}

function makeAgent(config: KubeConfig, server: URL, options: https.RequestOptions): http.Agent {
  if (config.getCurrentCluster()?.proxyUrl) return options.agent as http.Agent;
  // The agent of the official client opens a connection per request; writes of status come in bursts.
  const shared = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, maxFreeSockets: 16 };
  if (server.protocol === 'http:') return new http.Agent(shared);
  const { ca, cert, key, servername, rejectUnauthorized } = options;
  return new https.Agent({
    ...shared,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  });
}
