/**
 * The push from operator to sidecars over HTTPS/1.1 (messages in sidecar/snapshot/messages.ts).
 * Every replica streams and serves bodies; only the leader takes reports.
 */
import https from 'node:https';
import type { Socket } from 'node:net';
import { type Clock, systemClock } from '../../sidecar/snapshot/clock.ts';
import { HEARTBEAT_MS } from '../../sidecar/snapshot/messages.ts';
import type { Compiled } from '../compile/types.ts';
import type { FleetKnowledge } from '../fleet/knowledge.ts';
import { listen } from '../listen.ts';
import { Audience } from './audience.ts';
import { answerTo, asksForBareStream } from './bare-stream.ts';
import { Handler, type HandlerOptions } from './handler.ts';
import { noMetrics, type SyncMetrics } from './metrics.ts';
import type { PodLookup } from './pods.ts';
import type { ProxyRegistry } from './registry.ts';

export interface Certificate {
  /** PEM. */
  key: string | Buffer;
  cert: string | Buffer;
}

export interface SyncServerOptions extends HandlerOptions {
  /** Port 0: any free one. */
  listen: { host: string; port: number };
  /** Unset: connections fail until there is one. */
  tls?: Certificate | undefined;
  pods: PodLookup;
  /** Merges what reports say of the fleet, and gives hints; unset: neither. */
  fleet?: FleetKnowledge;
  metrics?: SyncMetrics;
  clock?: Clock;
  heartbeatMs?: number;
  drainMs?: number;
  /** Mean time between two reports of one sidecar. */
  reportIntervalMs?: number;
  maxConnections?: number;
  /** Up to so many connections, streams among them, those without a stream are kept between two reports. */
  keptConnections?: number;
}

export interface SyncServer {
  readonly registry: ProxyRegistry;
  readonly address: { host: string; port: number };
  /** Makes `compiled` what every pod should run from now on. Returns once announcements are on their way. */
  publish(compiled: Compiled): void;
  /** Tells the streams of this replica what is new of the fleet; for the leader, which alone knows it. */
  hint(): void;
  /** Serves new connections with another certificate. */
  setCertificate(tls: Certificate): void;
  close(): Promise<void>;
}

const DRAIN_MS = 30_000;
const REPORT_INTERVAL_MS = 20_000;
/** Longer than the interval of reports, so that a sidecar keeps one connection for its small requests. */
const KEEP_ALIVE_MS = 75_000;
/**
 * A connection at rest takes some 50 KiB, and a large fleet would have as many of them as streams. Beyond what 128 sidecars
 * have, those without a stream are let go soon after use: late enough to serve all that one change brings about, which a report
 * is the last of, and at a resumed handshake for each report, which is nothing at their rate.
 */
const KEPT_CONNECTIONS = 256;
const KEEP_ALIVE_MANY_MS = 2_000;
const REPORT = '/v1/report';
const MAX_CONNECTIONS = 16_384;

export async function startSyncServer(options: SyncServerOptions): Promise<SyncServer> {
  const clock = options.clock ?? systemClock;
  const metrics = options.metrics ?? noMetrics;
  const reportIntervalMs = options.reportIntervalMs ?? REPORT_INTERVAL_MS;
  const audience = new Audience({
    pods: options.pods,
    clock,
    metrics,
    heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
    drainMs: options.drainMs ?? DRAIN_MS,
    reportWindowMs: reportIntervalMs * 2.5,
    fleet: options.fleet,
  });
  const handler = new Handler(options, audience, metrics, reportIntervalMs);
  const server = https.createServer(
    {
      ...options.tls,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      keepAliveTimeout: KEEP_ALIVE_MS,
      handshakeTimeout: 10_000,
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      shouldUpgradeCallback: asksForBareStream,
    },
    (req, res) => {
      if (keepAsLongAsFits() && req.url === REPORT) res.shouldKeepAlive = false;
      void handler.handle(req, res);
    },
  );
  server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
  const sockets = new Set<Socket>();
  const keptConnections = options.keptConnections ?? KEPT_CONNECTIONS;
  const keepAsLongAsFits = () => {
    const areMany = sockets.size > keptConnections;
    server.keepAliveTimeout = areMany ? KEEP_ALIVE_MANY_MS : KEEP_ALIVE_MS;
    return areMany;
  };
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    keepAsLongAsFits();
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (req, stream) => {
    const socket = stream as Socket;
    keepAsLongAsFits();
    void handler.handle(req, answerTo(req, socket), socket);
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  const address = await listen(server, options.listen).catch((error: unknown) => {
    audience.close();
    throw error;
  });
  return {
    registry: audience.registry,
    address,
    publish: (compiled) => audience.publish(compiled),
    hint: () => audience.hint(),
    setCertificate: (tls) => server.setSecureContext({ ...tls, minVersion: 'TLSv1.2' }),
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      audience.close();
      // One turn for the ends of streams to reach the kernel; a reader that takes nothing must not hold the process.
      await new Promise((resolve) => setImmediate(resolve));
      server.closeAllConnections();
      // Whoever is in the middle of a handshake would open a stream yet, which nobody would end.
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
