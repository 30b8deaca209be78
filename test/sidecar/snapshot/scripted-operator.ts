/** An operator that says whatever a test scripts, over real TLS. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { SnapshotClient, type SnapshotClientOptions } from '../../../sidecar/snapshot/client.ts';
import { CredentialStore } from '../../../sidecar/snapshot/credentials.ts';
import type { FleetLink } from '../../../sidecar/snapshot/fleet/link.ts';
import { ConfigHolder } from '../../../sidecar/snapshot/holder.ts';
import type { Report } from '../../../sidecar/snapshot/messages.ts';
import type { CredentialSet, Snapshot } from '../../../sidecar/snapshot/schema.ts';
import { ManualClock } from '../../operator/support/manual-clock.ts';
import { testAuthority } from '../../operator/sync/support/certificates.ts';
import { keys } from '../../operator/sync/support/snapshots.ts';

type Answerer = (req: IncomingMessage, res: ServerResponse, body: string) => void;

export class ScriptedOperator {
  readonly clock = new ManualClock();
  readonly credentials = new CredentialStore({ clock: this.clock });
  readonly holder = new ConfigHolder({ credentials: this.credentials, clock: this.clock });
  readonly directory = mkdtempSync(path.join(tmpdir(), 'outrider-client-'));
  readonly tokenFile = path.join(this.directory, 'token');
  /** `METHOD /path` of every request. */
  readonly asked: string[] = [];
  readonly reports: Report[] = [];
  readonly tokens: (string | undefined)[] = [];
  readonly warnings: string[] = [];
  connections = 0;
  /** Open event streams, oldest first. */
  readonly streams: ServerResponse[] = [];
  snapshot: Snapshot | undefined;
  set: CredentialSet = keys({});
  /** Instead of what a good operator answers, by path. */
  readonly script = new Map<string, Answerer>();
  readonly #server: https.Server;
  readonly #clients: SnapshotClient[] = [];

  private constructor(server: https.Server) {
    this.#server = server;
    server.on('connection', () => {
      this.connections += 1;
    });
    server.on('request', (req: IncomingMessage, res: ServerResponse) => {
      let body = '';
      req.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      req.on('end', () => this.#answer(req, res, body));
    });
  }

  static async start(): Promise<ScriptedOperator> {
    const authority = await testAuthority();
    const operator = new ScriptedOperator(https.createServer(await authority.issue('127.0.0.1')));
    writeFileSync(path.join(operator.directory, 'ca.pem'), authority.ca);
    writeFileSync(operator.tokenFile, 'token-1\n');
    await new Promise<void>((resolve) => operator.#server.listen(0, '127.0.0.1', resolve));
    return operator;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get reported(): Report | undefined {
    return this.reports.at(-1);
  }

  /** A sidecar of this operator; `random: () => 0` means backoff without waiting. */
  async client(options: Partial<SnapshotClientOptions> = {}, fleet?: FleetLink): Promise<SnapshotClient> {
    const client = new SnapshotClient({
      url: `https://127.0.0.1:${this.port}`,
      tokenFile: this.tokenFile,
      caFile: path.join(this.directory, 'ca.pem'),
      proxyVersion: '1',
      clock: this.clock,
      random: () => 0,
      log: {
        info: () => {},
        warn: (fields, message) => void this.warnings.push(`${message} ${JSON.stringify(fields)}`),
      },
      ...options,
    });
    this.#clients.push(client);
    if (fleet) client.join(fleet);
    await client.start(this.holder, this.credentials);
    return client;
  }

  /** Serves the snapshot and announces it on the newest stream. */
  announce(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    this.send(`event: snapshot\ndata: {"hash":"${snapshot.hash}"}\n\n`);
  }

  send(text: string): void {
    this.streams.at(-1)?.write(text);
  }

  /** Goes on with a certificate of another authority, which the sidecar's file names from now on. */
  async changeAuthority(): Promise<void> {
    const authority = await testAuthority();
    this.#server.setSecureContext(await authority.issue('127.0.0.1'));
    writeFileSync(path.join(this.directory, 'ca.pem'), authority.ca);
  }

  /** Closes connections that carry no request now. */
  dropIdle(): void {
    this.#server.closeIdleConnections();
  }

  count(request: string): number {
    return this.asked.filter((line) => line === request).length;
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.stop()));
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
    rmSync(this.directory, { recursive: true, force: true });
  }

  #answer(req: IncomingMessage, res: ServerResponse, body: string): void {
    const { url = '', method = '' } = req;
    this.asked.push(`${method} ${url}`);
    this.tokens.push(req.headers.authorization);
    res.setHeader('x-outrider-protocol', '1');
    const scripted = this.script.get(url.replace(/[0-9a-f]{64}$/, 'hash'));
    if (scripted) return scripted(req, res, body);
    if (url === '/v1/stream') {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.flushHeaders();
      this.streams.push(res);
      if (this.snapshot) this.announce(this.snapshot);
    } else if (url === '/v1/report') {
      this.reports.push(JSON.parse(body) as Report);
      res.end(JSON.stringify({ nextReportIn: 20_000, ledgerShard: 0, acknowledgedSeq: 0 }));
    } else if (url === '/v1/credentials') {
      res.end(JSON.stringify(this.set));
    } else if (url === `/v1/snapshots/${this.snapshot?.hash}`) {
      res.writeHead(200, { 'content-encoding': 'gzip' });
      res.end(gzipSync(JSON.stringify(this.snapshot)));
    } else {
      res.writeHead(404).end('{}');
    }
  }
}
