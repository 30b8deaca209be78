/**
 * Talks to the API server: JSON calls and the open responses of watches.
 *
 * Built on node:http(s), with a kubeconfig's identity. See docs/decisions for why the official client's own requests are
 * not used.
 */
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Clock } from '../../sidecar/snapshot/clock.ts';
import type { ApiAccess, ApiConfig } from './api-config.ts';
import { KEEP_ALIVE_MS } from './api-config.ts';
import { apiErrorFrom } from './api-error.ts';

export interface ApiRequest {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute path, such as /apis/outrider.dev/v1alpha1/llmroutes. */
  path: string;
  query?: Record<string, string | number | boolean | undefined>;
  /** Sent as JSON. */
  body?: unknown;
  contentType?: string;
  signal?: AbortSignal;
}

export interface ApiClient {
  /** The parsed answer. Throws ApiError on 400 and above, and the socket's own error where there was no answer. */
  json<T>(request: ApiRequest): Promise<T>;
  /** The response of a watch, headers received and body unread. Throws as `json` does. */
  stream(request: ApiRequest): Promise<IncomingMessage>;
  close(): void;
}

/** An answer that has not begun, or a body that has not ended, after this long is given up. */
const ANSWER_MS = 30_000;
/** A page of 500 objects of the largest size etcd takes would be more; nothing we list comes near. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;

export function apiClient(config: ApiConfig, clock: Clock): ApiClient {
  /** One try with the current identity, and one more with a fresh one where the server did not know the first. */
  async function open(request: ApiRequest): Promise<IncomingMessage> {
    const access = await config.access();
    let response = await send(access, request, clock);
    if (response.statusCode === 401) {
      response.destroy();
      config.reload(access);
      response = await send(await config.access(), request, clock);
    }
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    const body = await readAll(response, MAX_ERROR_BYTES, clock);
    throw apiErrorFrom(status, body, response.headers['retry-after']);
  }

  return {
    async json<T>(request: ApiRequest) {
      const body = await readAll(await open(request), MAX_ANSWER_BYTES, clock);
      return JSON.parse(body.toString('utf8')) as T;
    },
    stream: open,
    close: () => config.close(),
  };
}

function target(server: URL, request: ApiRequest): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) query.set(name, String(value));
  }
  const base = server.pathname.replace(/\/$/, '');
  return query.size === 0 ? `${base}${request.path}` : `${base}${request.path}?${query.toString()}`;
}

async function send(access: ApiAccess, request: ApiRequest, clock: Clock): Promise<IncomingMessage> {
  try {
    return await sendOnce(access, request, clock);
  } catch (error) {
    // The server closed a kept connection just as we reused it. Everything sent here may be sent twice.
    if (error instanceof StaleConnection) return sendOnce(access, request, clock);
    throw error;
  }
}

class StaleConnection extends Error {}

function sendOnce(access: ApiAccess, request: ApiRequest, clock: Clock): Promise<IncomingMessage> {
  const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
  const headers: Record<string, string | number> = {
    ...access.headers,
    // The cluster's public keys come as a type of their own, and the server offers them as no other.
    accept: 'application/json, application/jwk-set+json',
    'user-agent': 'outrider-operator',
  };
  if (body) {
    headers['content-type'] = request.contentType ?? 'application/json';
    headers['content-length'] = body.length;
  }
  const { server, agent } = access;
  const options: http.RequestOptions = {
    method: request.method ?? 'GET',
    hostname: server.hostname.replace(/^\[|\]$/g, ''),
    port: server.port || (server.protocol === 'https:' ? 443 : 80),
    path: target(server, request),
    headers,
    agent,
    ...(request.signal ? { signal: request.signal } : {}),
  };
  return new Promise((resolve, reject) => {
    const outgoing = (server.protocol === 'https:' ? https : http).request(options);
    const timer = clock.after(ANSWER_MS, () =>
      outgoing.destroy(new Error(`no answer from the API server within ${ANSWER_MS / 1000} s`)),
    );
    outgoing.on('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
    outgoing.on('response', (response) => {
      timer.cancel();
      resolve(response);
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      timer.cancel();
      const stale = outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      reject(stale ? new StaleConnection(error.message, { cause: error }) : error);
    });
    outgoing.end(body);
  });
}

async function readAll(response: IncomingMessage, limit: number, clock: Clock): Promise<Buffer> {
  const timer = clock.after(ANSWER_MS, () =>
    response.destroy(new Error('the answer of the API server did not end')),
  );
  try {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw new Error(`the answer of the API server exceeds ${limit} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size);
  } finally {
    timer.cancel();
  }
}
