/**
 * How many requests wait at model servers that rules spill from. Asked of the server itself where it tells (vLLM, SGLang, TGI,
 * llama.cpp: lines of Prometheus at /metrics), only while requests go there, by this pod for itself: half a minute later would
 * be too late to spill. A server that tells nothing is asked ever more seldom.
 */
import type { Clock, Timer } from '../snapshot/clock.ts';
import type { ProviderBody } from '../snapshot/schema.ts';
import type { Answered } from './ask.ts';

export interface QueueDepthsOptions {
  clock: Clock;
  random: () => number;
  ask: (provider: ProviderBody, url: URL, signal: AbortSignal) => Promise<Answered>;
}

interface Server {
  readonly provider: ProviderBody;
  readonly url: URL;
  wantedAt: number;
  depth: number | undefined;
  readAt: number;
  /** Answers in a row that did not tell. */
  silent: number;
  timer: Timer | undefined;
  readonly stop: AbortController;
}

const EVERY_MS = 1_000;
/** A depth older than this is no longer known. */
const FRESH_MS = 5_000;
/** Nobody wanted to know for this long: nobody is asked any more. */
const WANTED_MS = 15_000;
const MAX_SILENT_MS = 60_000;
const MAX_SERVERS = 64;

/** Types of servers that tell at /metrics; whatever else speaks the OpenAI API may be one of them too. */
const TELLING: ReadonlySet<string> = new Set(['VLLM', 'TGI', 'OpenAICompatible']);

export class QueueDepths {
  readonly #options: QueueDepthsOptions;
  readonly #servers = new Map<string, Server>();

  constructor(options: QueueDepthsOptions) {
    this.#options = options;
  }

  /** Requests that wait there; undefined: it does not tell, or did not yet. Asking for it keeps it asked for. */
  depth(providerId: string, provider: ProviderBody, now: number): number | undefined {
    let server = this.#servers.get(providerId);
    if (server && server.provider !== provider) {
      this.#drop(providerId, server);
      server = undefined;
    }
    if (!server) {
      if (!TELLING.has(provider.type) || this.#servers.size >= MAX_SERVERS) return undefined;
      server = {
        provider,
        url: new URL('/metrics', provider.url),
        wantedAt: now,
        depth: undefined,
        readAt: Number.NEGATIVE_INFINITY,
        silent: 0,
        timer: undefined,
        stop: new AbortController(),
      };
      this.#servers.set(providerId, server);
    }
    server.wantedAt = now;
    if (!server.timer) this.#later(providerId, server, 0);
    return now - server.readAt <= FRESH_MS ? server.depth : undefined;
  }

  stop(): void {
    for (const [id, server] of this.#servers) this.#drop(id, server);
  }

  #drop(id: string, server: Server): void {
    server.timer?.cancel();
    server.stop.abort();
    this.#servers.delete(id);
  }

  #later(id: string, server: Server, ms: number): void {
    server.timer = this.#options.clock.after(ms, () => void this.#read(id, server));
  }

  async #read(id: string, server: Server): Promise<void> {
    const { clock, ask, random } = this.#options;
    if (clock.monotonic() - server.wantedAt > WANTED_MS) {
      this.#drop(id, server);
      return;
    }
    const answered = await ask(server.provider, server.url, server.stop.signal);
    if (server.stop.signal.aborted) return;
    const depth = answered.ok && answered.status === 200 ? waitingIn(answered.body) : undefined;
    if (depth === undefined) {
      server.silent++;
    } else {
      [server.silent, server.depth, server.readAt] = [0, depth, clock.monotonic()];
    }
    const wait = Math.min(MAX_SILENT_MS, EVERY_MS * 2 ** Math.min(server.silent, 10));
    this.#later(id, server, wait * (0.9 + 0.2 * random()));
  }
}

/** What waits, by the names that servers give it; sums over the models of one server. */
const WAITING =
  /^(?:vllm:num_requests_waiting|sglang:num_queue_reqs|tgi_queue_size|llamacpp:requests_deferred)(?:\{[^}\n]{0,2000}\})?[ \t]+([0-9][0-9.eE+]{0,20})\s*$/gm;

/** Requests that wait, in the lines of a Prometheus page; undefined where none says so. */
export function waitingIn(page: string): number | undefined {
  let sum: number | undefined;
  for (const [, value] of page.matchAll(WAITING)) {
    const waiting = Number(value);
    if (Number.isFinite(waiting)) sum = (sum ?? 0) + waiting;
  }
  return sum;
}
