/**
 * The cluster that the kubeconfig points at, through `kubectl proxy`: whatever way of signing in the kubeconfig names, kubectl knows
 * it. Pods are reached through the API server.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { KubeObject } from '../../../crds/common.ts';
import { KUBECTL, kubectl } from './command.ts';

// Objects of many kinds are looked at here; what a kind has is for the test to know.
// oxlint-disable-next-line typescript/no-explicit-any
export type Manifest = KubeObject & Record<'spec' | 'status' | 'data' | 'webhooks', any>;

class ApiFailure extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(`${status}: ${message}`);
    this.status = status;
  }
}

interface Request {
  method?: string;
  body?: unknown;
  contentType?: string;
}

export class Cluster {
  readonly #proxy: ChildProcess;
  readonly #base: string;

  private constructor(proxy: ChildProcess, base: string) {
    this.#proxy = proxy;
    this.#base = base;
  }

  static async open(): Promise<Cluster> {
    const proxy = spawn(KUBECTL, ['proxy', '--port=0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const said = once(proxy.stdout, 'data') as Promise<[Buffer]>;
    const failed = once(proxy, 'exit').then(([code]) => {
      throw new Error(`${KUBECTL} proxy ended with ${code}`);
    });
    const [line] = await Promise.race([said, failed]);
    failed.catch(() => {});
    const address = /127\.0\.0\.1:\d+/.exec(String(line))?.[0];
    if (address === undefined) throw new Error(`kubectl proxy said: ${String(line)}`);
    return new Cluster(proxy, `http://${address}`);
  }

  close(): void {
    this.#proxy.kill('SIGTERM');
  }

  async call(path: string, { method = 'GET', body, contentType }: Request = {}): Promise<Response> {
    const response = await fetch(`${this.#base}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': contentType ?? 'application/json' } }),
    });
    if (!response.ok) throw new ApiFailure(response.status, (await response.text()).slice(0, 2000));
    return response;
  }

  async json<T>(path: string, request?: Request): Promise<T> {
    return (await (await this.call(path, request)).json()) as T;
  }

  get(path: string): Promise<Manifest> {
    return this.json<Manifest>(path);
  }

  async find(path: string): Promise<Manifest | undefined> {
    try {
      return await this.get(path);
    } catch (error) {
      if (error instanceof ApiFailure && error.status === 404) return undefined;
      throw error;
    }
  }

  async list(path: string, labels = ''): Promise<Manifest[]> {
    const query = labels === '' ? '' : `?labelSelector=${encodeURIComponent(labels)}`;
    return (await this.json<{ items: Manifest[] }>(`${path}${query}`)).items;
  }

  /** A merge patch. */
  patch(path: string, body: object): Promise<Manifest> {
    return this.json(path, { method: 'PATCH', body, contentType: 'application/merge-patch+json' });
  }

  async delete(path: string, options: object = {}): Promise<void> {
    await this.call(path, {
      method: 'DELETE',
      body: { kind: 'DeleteOptions', apiVersion: 'v1', ...options },
    });
  }

  /** As people do it. */
  async apply(namespace: string, objects: readonly object[]): Promise<void> {
    const text = objects.map((object) => JSON.stringify(object)).join('\n---\n');
    await kubectl(['apply', '--server-side', '--force-conflicts', '-n', namespace, '-f', '-'], text);
  }

  /** Objects as they change from the moment this resolves; ends with the server's patience or when the loop over it is left. */
  async changes(path: string): Promise<AsyncGenerator<Manifest>> {
    const { metadata } = await this.json<{ metadata: { resourceVersion: string } }>(path);
    const response = await this.call(`${path}?watch=1&resourceVersion=${metadata.resourceVersion}`);
    return objectsOf(response);
  }
}

async function* objectsOf(response: Response): AsyncGenerator<Manifest> {
  for await (const line of linesOf(response)) yield (JSON.parse(line) as { object: Manifest }).object;
}

/** Whole lines of a body, as they come. */
export async function* linesOf(response: Response): AsyncGenerator<string> {
  let rest = '';
  const body = response.body as ReadableStream<Uint8Array<ArrayBuffer>>;
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
