/**
 * What it takes to reach the operator, read from the files that the kubelet keeps fresh: token, CA, and the agent that
 * trusts it. Read anew when told so and every minute, so that a replaced token is taken up well before the one in hand
 * expires.
 */
import { createHash } from 'node:crypto';
import { readFile as readFileCallback } from 'node:fs';
import https from 'node:https';
import { checkServerIdentity } from 'node:tls';
import { promisify } from 'node:util';
import type { Clock } from './clock.ts';

export interface AccessOptions {
  tokenFile: string;
  /** PEM. Unset: the roots of the system. */
  caFile?: string;
  /** What the certificate must be valid for, whichever replica shows it. */
  name: string;
  clock: Clock;
}

export interface Access {
  token: string;
  /** For exchanges, one after the other: one connection costs the operator one handshake, and it has thousands of sidecars. */
  agent: https.Agent;
  /** For streams, so that they are in nobody's way. */
  streams: https.Agent;
  /** SHA-256 in hex of the CA file that the agent trusts; undefined without a file. */
  trustBundle: string | undefined;
}

/** The promises of `node:fs` bring much that a sidecar does not need. */
const readFile = promisify(readFileCallback);

const MAX_AGE_MS = 60_000;
/** Longer than the interval of reports, so that a report costs no handshake. */
const KEEP_ALIVE_MS = 60_000;

export class AccessFiles {
  readonly #options: AccessOptions;
  #known: (Access & { ca: string | undefined; readAt: number }) | undefined;
  #reading: Promise<Access> | undefined;
  #distrusted = false;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /** Calls that come together read together, so that there is one agent. */
  current(): Promise<Access> {
    const { clock } = this.#options;
    const known = this.#distrusted ? undefined : this.#known;
    if (known && clock.monotonic() - known.readAt < MAX_AGE_MS) return Promise.resolve(known);
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** What is known may no longer be right: the next call reads. */
  distrust(): void {
    this.#distrusted = true;
  }

  /** Breaks off connections. */
  close(): void {
    this.#known?.agent.destroy();
    this.#known?.streams.destroy();
  }

  async #read(): Promise<Access> {
    const { caFile, clock, name, tokenFile } = this.#options;
    const ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8');
    const token = (await readFile(tokenFile, 'utf8')).trim();
    // A former agent is not destroyed: what runs over its connections may finish, idle ones end with their timeout.
    const kept = this.#known?.ca === ca ? this.#known : undefined;
    this.#known = {
      token,
      ca,
      agent: kept?.agent ?? newAgent(ca, name, { keepAlive: true, maxSockets: 1 }),
      streams: kept?.streams ?? newAgent(ca, name, {}),
      trustBundle: kept?.trustBundle ?? hashOf(ca),
      readAt: clock.monotonic(),
    };
    this.#distrusted = false;
    return this.#known;
  }
}

function hashOf(ca: string | undefined): string | undefined {
  return ca === undefined ? undefined : createHash('sha256').update(ca).digest('hex');
}

function newAgent(ca: string | undefined, name: string, options: https.AgentOptions): https.Agent {
  return new https.Agent({
    ...options,
    keepAliveMsecs: 30_000,
    timeout: KEEP_ALIVE_MS,
    minVersion: 'TLSv1.2',
    // Here and not per request: requests with a check of their own never share a connection.
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    ...(ca !== undefined && { ca }),
  });
}
