/** Minting's I/O for real: HTTPS to hosts that give tokens, files and environment of the process. */
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { MintError, type TokenAnswer, type TokenCall, type TokenIO } from './token-io.ts';

/** Hosts that give tokens; nothing else is dialled, whatever a resource says. */
const TOKEN_HOSTS: readonly RegExp[] = [
  /^sts\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/,
  /^oauth2\.googleapis\.com$/,
  /^sts\.googleapis\.com$/,
  /^iamcredentials\.googleapis\.com$/,
  /^login\.microsoftonline\.(com|us)$/,
  /^login\.partner\.microsoftonline\.cn$/,
];
/** Addresses of the agents that run on each node: EKS Pod Identity. Plain HTTP, and only there. */
const NODE_AGENTS: ReadonlySet<string> = new Set(['169.254.170.23', '[fd00:ec2::23]']);

const TOKENS = { timeoutMs: 10_000, maxBytes: 256 * 1024 };

export interface HttpIOOptions {
  now(): number;
  env?: Readonly<Record<string, string | undefined>>;
  /** Further hosts that may be dialled by HTTPS. */
  hosts?: readonly string[];
  /** Stands in for the network, in tests: where a call to a URL goes. The rules for addresses hold all the same. */
  route?: (url: URL) => URL;
  /** How a file is read, for a cluster on one machine. */
  readFile?: (path: string) => Promise<string>;
}

/** Undefined: it may be dialled. */
export function refusedHost(url: URL, hosts: readonly string[] = []): string | undefined {
  if (url.protocol === 'http:' && NODE_AGENTS.has(url.hostname)) return undefined;
  if (url.protocol !== 'https:') return `${url.host} is not asked for tokens without TLS`;
  if (TOKEN_HOSTS.some((known) => known.test(url.hostname)) || hosts.includes(url.hostname)) return undefined;
  return `${url.host} is not among the hosts that may be asked for tokens`;
}

export function httpIO(options: HttpIOOptions): TokenIO {
  const { env = process.env, route } = options;
  return {
    now: () => options.now(),
    readFile: options.readFile ?? ((path) => readFile(path, 'utf8')),
    env: (name) => env[name] || undefined,
    call(call) {
      const url = new URL(call.url);
      const refusal = refusedHost(url, options.hosts);
      if (refusal !== undefined) return Promise.reject(new MintError(refusal));
      return dial(call, TOKENS, route?.(url));
    },
  };
}

/**
 * Neither redirects nor proxies: a secret goes to the host that was asked for and to no other. Whether it may be asked is for the
 * caller to know. `to`: another place that stands in for it, in tests.
 */
export function dial(
  call: TokenCall,
  { timeoutMs, maxBytes }: { timeoutMs: number; maxBytes: number },
  to?: URL,
): Promise<TokenAnswer> {
  const asked = new URL(call.url);
  const { host } = asked;
  const url = to ?? asked;
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new MintError(`${host} ${why}`));
    const { request } = url.protocol === 'https:' ? https : http;
    const outgoing = request(
      url,
      { method: call.method, headers: { ...call.headers, host }, agent: false, timeout: timeoutMs },
      (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        response.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > maxBytes) response.destroy();
          else chunks.push(chunk);
        });
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
        });
        response.on('close', () => {
          if (!response.complete) fail('broke off, or said more than it should');
        });
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('timeout')));
    outgoing.on('error', (error: NodeJS.ErrnoException) =>
      fail(`cannot be reached (${error.code ?? 'no answer'})`),
    );
    outgoing.setTimeout(timeoutMs);
    outgoing.end(call.body);
  });
}
