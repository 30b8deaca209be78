/**
 * Keep-alive connections to one endpoint with one set of TLS settings. No limit on sockets: a pool that queues is a pool
 * that starves streams in silence; admission is decided elsewhere.
 */
import http from 'node:http';
import https from 'node:https';
import { rootCertificates } from 'node:tls';

export interface EndpointSettings {
  readonly tls: boolean;
  readonly caBundle: string | undefined;
  /** Milliseconds an idle connection is kept; 0: not at all. */
  readonly idleMs: number;
}

export type EndpointAgent = http.Agent & {
  /** Closes idle connections now and running ones when their request ends. Requests under way are not disturbed. */
  retire(): void;
  /** Closes idle connections: one of them turned out to be dead, and the others are as old. */
  dropIdle(): void;
};

/** The agent serves one endpoint, so the name that node:http builds per request to tell endpoints apart is a constant. */
const NAME = 'endpoint';

const MAX_IDLE = 256;

class PlainAgent extends http.Agent {
  override getName(): string {
    return NAME;
  }
  retire(): void {
    retire(this);
  }
  dropIdle(): void {
    dropIdle(this);
  }
}

class TlsAgent extends https.Agent {
  override getName(): string {
    return NAME;
  }
  retire(): void {
    retire(this);
  }
  dropIdle(): void {
    dropIdle(this);
  }
}

export function openAgent(settings: EndpointSettings): EndpointAgent {
  const options: https.AgentOptions = {
    keepAlive: settings.idleMs > 0,
    maxSockets: Number.POSITIVE_INFINITY,
    maxFreeSockets: MAX_IDLE,
    scheduling: 'lifo',
  };
  if (settings.idleMs > 0) options.timeout = settings.idleMs;
  if (!settings.tls) return new PlainAgent(options);
  if (settings.caBundle !== undefined) options.ca = [...rootCertificates, settings.caBundle];
  return new TlsAgent(options);
}

function dropIdle(agent: http.Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) socket.destroy();
  }
}

function retire(agent: http.Agent): void {
  agent.maxFreeSockets = 0;
  dropIdle(agent);
}
