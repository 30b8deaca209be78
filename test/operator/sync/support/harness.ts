/** A sync server over real TLS sockets, with a cluster's worth of stand-ins around it: authority, token issuer, Pod cache. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { createTokenAuthenticator } from '../../../../operator/sync/identity.ts';
import { noMetrics, type SyncMetrics } from '../../../../operator/sync/metrics.ts';
import type { LivePod } from '../../../../operator/sync/pods.ts';
import {
  type SyncServer,
  type SyncServerOptions,
  startSyncServer,
} from '../../../../operator/sync/server.ts';
import { SnapshotClient, type SnapshotClientOptions } from '../../../../sidecar/snapshot/client.ts';
import { CredentialStore } from '../../../../sidecar/snapshot/credentials.ts';
import { ConfigHolder } from '../../../../sidecar/snapshot/holder.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type TestAuthority, testAuthority } from './certificates.ts';
import { ListedPods } from './pods.ts';
import { TokenIssuer } from './tokens.ts';

export const HOUR_MS = 3_600_000;

export interface Sidecar {
  pod: LivePod;
  holder: ConfigHolder;
  credentials: CredentialStore;
  client: SnapshotClient;
  tokenFile: string;
  /** Hashes that were swapped in, in order. */
  swaps: string[];
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Counted {
  connected: number;
  pushed: number;
  acknowledged: number[];
  refused: string[];
  slowClosed: number;
  outdated: number[];
  outdatedNow: number;
}

/** Keys are slow to make; one cluster serves all tests of a file. */
let cluster: Promise<[TestAuthority, TokenIssuer]> | undefined;

export class Harness {
  readonly clock = new ManualClock(Date.now());
  readonly pods = new ListedPods();
  readonly directory = mkdtempSync(path.join(tmpdir(), 'outrider-sync-'));
  readonly counted: Counted = {
    connected: 0,
    pushed: 0,
    acknowledged: [],
    refused: [],
    slowClosed: 0,
    outdated: [],
    outdatedNow: 0,
  };
  readonly authority: TestAuthority;
  readonly issuer: TokenIssuer;
  readonly caFile: string;
  readonly #servers: SyncServer[] = [];
  readonly #sidecars: Sidecar[] = [];
  readonly #agent: https.Agent;

  private constructor(authority: TestAuthority, issuer: TokenIssuer) {
    this.authority = authority;
    this.issuer = issuer;
    this.caFile = path.join(this.directory, 'ca.pem');
    writeFileSync(this.caFile, authority.ca);
    this.#agent = new https.Agent({ ca: authority.ca, keepAlive: false });
  }

  static async create(): Promise<Harness> {
    cluster ??= Promise.all([testAuthority(), TokenIssuer.create()]);
    return new Harness(...(await cluster));
  }

  get metrics(): SyncMetrics {
    const { counted } = this;
    return {
      ...noMetrics,
      connected: (count) => void (counted.connected = count),
      pushed: () => void (counted.pushed += 1),
      acknowledged: (ms) => void counted.acknowledged.push(ms),
      authenticationFailed: (reason) => void counted.refused.push(reason),
      slowClosed: () => void (counted.slowClosed += 1),
      outdatedRefused: (version) => void counted.outdated.push(version),
      outdated: (pods) => void (counted.outdatedNow = pods),
    };
  }

  async server(options: Partial<SyncServerOptions> = {}, ...names: string[]): Promise<SyncServer> {
    const server = await startSyncServer({
      listen: { host: '127.0.0.1', port: 0 },
      tls: await this.authority.issue(...(names.length > 0 ? names : ['127.0.0.1'])),
      identity: createTokenAuthenticator({
        fetchKeys: () => Promise.resolve(this.issuer.jwks),
        pods: this.pods,
        clock: this.clock,
      }),
      pods: this.pods,
      isLeader: () => true,
      leaderAddress: () => undefined,
      metrics: this.metrics,
      clock: this.clock,
      ...options,
    });
    this.#servers.push(server);
    return server;
  }

  token(pod: LivePod, expiresInMs = HOUR_MS): Promise<string> {
    const issuedAt = this.clock.wall();
    return this.issuer.token(pod, { issuedAt, expiresAt: issuedAt + expiresInMs });
  }

  async sidecar(
    pod: LivePod,
    port: number,
    options: Partial<SnapshotClientOptions> = {},
    token?: string,
  ): Promise<Sidecar> {
    const tokenFile = path.join(this.directory, `token-${pod.uid}`);
    writeFileSync(tokenFile, token ?? (await this.token(pod)));
    const credentials = new CredentialStore({ clock: this.clock });
    const holder = new ConfigHolder({ credentials, clock: this.clock });
    const swaps: string[] = [];
    holder.onChange(({ hash }) => swaps.push(hash));
    const client = new SnapshotClient({
      url: `https://127.0.0.1:${port}`,
      tokenFile,
      caFile: this.caFile,
      proxyVersion: '0.1.0-test',
      clock: this.clock,
      // Backoff without waiting: the manual clock runs what has no delay.
      random: () => 0,
      ...options,
    });
    const sidecar = { pod, holder, credentials, client, tokenFile, swaps };
    this.#sidecars.push(sidecar);
    await client.start(holder, credentials);
    return sidecar;
  }

  /** One request by hand. */
  request(
    port: number,
    target: string,
    options: {
      method?: string;
      token?: string;
      headers?: Record<string, string>;
      body?: string;
      agent?: https.Agent;
    } = {},
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const request = this.#open(port, target, options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          }),
        );
      });
      request.on('error', reject);
      request.end(options.body);
    });
  }

  /** A stream by hand, as curl has it or bare. */
  stream(port: number, token: string, bare = false): Promise<ListenedStream> {
    const options = {
      token,
      ...(bare && { headers: BARE, agent: new https.Agent({ ca: this.authority.ca }) }),
    };
    return new Promise((resolve, reject) => {
      const request = this.#open(port, '/v1/stream', options, (response) => {
        if (response.statusCode === 200 && !bare) resolve(new ListenedStream(response, response));
        else reject(new Error(`answered ${response.statusCode}`));
      });
      request.on('upgrade', (response, socket, first) => {
        if (first.length > 0) socket.unshift(first);
        resolve(new ListenedStream(response, socket));
      });
      request.on('error', reject);
      request.end();
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#sidecars.map(({ client }) => client.stop()));
    await Promise.all(this.#servers.map((server) => server.close()));
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Takes the server out of `close`, since the test closes it itself. */
  async stopServer(server: SyncServer): Promise<void> {
    this.#servers.splice(this.#servers.indexOf(server), 1);
    await server.close();
  }

  #open(
    port: number,
    target: string,
    options: {
      method?: string;
      token?: string;
      headers?: Record<string, string>;
      agent?: https.Agent;
    },
    onResponse: (response: IncomingMessage) => void,
  ) {
    const { agent, method = 'GET', token, headers } = options;
    return https.request(
      {
        agent: agent ?? this.#agent,
        host: '127.0.0.1',
        port,
        path: target,
        method,
        headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
      },
      onResponse,
    );
  }
}

export const BARE = { connection: 'Upgrade', upgrade: 'outrider-stream' };

/** What came over a stream, as text. */
export class ListenedStream {
  readonly response: IncomingMessage;
  readonly body: Readable;
  text = '';
  ended = false;
  /** Nothing was cut off. */
  complete = false;

  constructor(response: IncomingMessage, body: Readable) {
    this.response = response;
    this.body = body;
    body.setEncoding('utf8');
    body.on('data', (chunk: string) => {
      this.text += chunk;
    });
    body.on('end', () => {
      this.complete = true;
    });
    body.on('close', () => {
      this.ended = true;
    });
    body.on('error', () => {});
  }

  /** Hashes announced so far. */
  get hashes(): string[] {
    return [...this.text.matchAll(/"hash":"([0-9a-f]{64})"/g)].map((match) => match[1] ?? '');
  }
}
