/**
 * Who may talk to a port at all. A server on localhost is reachable by every web page the machine opens, by name tricks
 * (DNS rebinding) and by other containers of the pod; these rules refuse what no SDK would send.
 */
import { timingSafeEqual } from 'node:crypto';
import { OutriderError } from '../../errors/table.ts';
import type { RequestHead } from './request-head.ts';

export interface GateOptions {
  /** Host names served besides 127.0.0.1, localhost and [::1]; without ports. */
  hosts?: readonly string[];
  /** Any host name and address is served: for ports that probes reach by pod IP. */
  anyHost?: boolean;
  /** Origins of web pages that may call, such as `https://console.example`. */
  origins?: readonly string[];
  /** Callers must present it as their API key. */
  token?: string;
}

const LOCAL_HOSTS = ['127.0.0.1', 'localhost', '[::1]'];

export class Gate {
  private readonly hosts: ReadonlySet<string> | undefined;
  private readonly origins: ReadonlySet<string>;
  private readonly token: Buffer | undefined;
  /** Let in before. */
  private lastHost: string | undefined = undefined;

  constructor(options: GateOptions = {}) {
    const hosts = [...LOCAL_HOSTS, ...(options.hosts ?? [])].map((host) => host.toLowerCase());
    this.hosts = options.anyHost ? undefined : new Set(hosts);
    this.origins = new Set(options.origins ?? []);
    this.token = options.token === undefined ? undefined : Buffer.from(options.token);
  }

  /** Throws what is wrong with the request; returns the origin to be allowed, where a listed page calls. */
  check(head: RequestHead): string | undefined {
    this.checkHost(head);
    return this.checkOrigin(head);
  }

  /** Whether the request carries the token, where one is set. */
  checkToken(head: RequestHead): void {
    if (this.token === undefined) return;
    const presented = head.apiKey ?? head.googleApiKey ?? bearer(head.authorization);
    if (presented === undefined || !sameBytes(Buffer.from(presented), this.token)) {
      throw new OutriderError('listener_token_required');
    }
  }

  private checkHost(head: RequestHead): void {
    if (this.hosts === undefined) return;
    const { host } = head;
    // Every request of an app names the same one.
    if (host !== undefined && host === this.lastHost) return;
    if (host === undefined || !this.hosts.has(withoutPort(host))) {
      throw new OutriderError('host_not_allowed', { host: shown(host ?? '') });
    }
    this.lastHost = host;
  }

  private checkOrigin(head: RequestHead): string | undefined {
    const { origin, fetchSite } = head;
    if (origin !== undefined) {
      if (this.origins.has(origin)) return origin;
      throw new OutriderError('origin_not_allowed', { origin: shown(origin) });
    }
    if (fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none') {
      throw new OutriderError('origin_not_allowed', { origin: shown(`sec-fetch-site: ${fetchSite}`) });
    }
    return undefined;
  }
}

/** Throws `content_type_required` unless the body is declared as JSON. A form of a web page cannot declare that. */
export function requireJson(contentType: string | undefined): void {
  if (contentType === 'application/json') return;
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/json' || /^application\/[a-z0-9.-]+\+json$/.test(type)) return;
  throw new OutriderError('content_type_required', { contentType: shown(contentType ?? '') });
}

function withoutPort(host: string): string {
  const lower = host.toLowerCase();
  return lower.replace(/:\d{1,5}$/, '');
}

function bearer(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length < 7) return undefined;
  return authorization.slice(0, 7).toLowerCase() === 'bearer ' ? authorization.slice(7).trim() : undefined;
}

function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function shown(value: string): string {
  return value.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
}
