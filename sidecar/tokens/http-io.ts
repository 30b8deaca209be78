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

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 256 * 1024;

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
      return send(call, url.host, route?.(url) ?? url);
    },
  };
}

/** Neither redirects nor proxies: a token goes to the host that was asked for and to no other. */
function send(call: TokenCall, host: string, url: URL): Promise<TokenAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new MintError(`${host} ${why}`));
    const { request } = url.protocol === 'https:' ? https : http;
    const outgoing = request(
      url,
      { method: call.method, headers: { ...call.headers, host }, agent: false, timeout: TIMEOUT_MS },
      (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        response.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > MAX_BYTES) response.destroy();
          else chunks.push(chunk);
        });
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
        });
        response.on('close', () => {
          if (!response.complete) fail('broke off, or said more than a token is');
        });
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('timeout')));
    outgoing.on('error', (error: NodeJS.ErrnoException) =>
      fail(`cannot be reached (${error.code ?? 'no answer'})`),
    );
    outgoing.setTimeout(TIMEOUT_MS);
    outgoing.end(call.body);
  });
}
