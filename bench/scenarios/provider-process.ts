/**
 * Scripted providers of one scenario, each a server of its own on loopback that speaks Chat Completions. Started with the
 * scripts by name as JSON; prints the ports by name. Each line of `{"name":..., "script":...}` on stdin changes one and is
 * answered with `{}`; `{"counts":true}` with what each has seen.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { lognormal } from '../../test/simulator/chance.ts';
import type { ProviderCounts, ProviderScript } from './provider-script.ts';

const TICK_MS = 1;

function mostOf({ requests, of = {} }: NonNullable<ProviderScript['limit']>, key: string): number {
  const own = Object.keys(of).find((end) => key.endsWith(end));
  return own === undefined ? requests : (of[own] ?? requests);
}

class Provider {
  readonly counts: ProviderCounts = { requests: 0, refused: 0, answered: 0, left: 0 };
  script: ProviderScript;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #windows = new Map<string, { index: number; requests: number }>();
  #port = 0;

  constructor(script: ProviderScript) {
    this.script = script;
    this.#server = createServer((req, res) => this.#receive(req, res));
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
    });
  }

  async follow(script: ProviderScript): Promise<number> {
    this.script = script;
    if (script.fault === 'Refuse') {
      const closed = new Promise((resolve) => this.#server.close(resolve));
      for (const socket of this.#sockets) socket.destroy();
      await closed;
    } else if (!this.#server.listening) {
      await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
      this.#port = (this.#server.address() as AddressInfo).port;
    }
    return this.#port;
  }

  #receive(req: IncomingMessage, res: ServerResponse): void {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('error', () => {});
    req.on('end', () => this.#answer(req, res, Buffer.concat(chunks)));
  }

  #answer(req: IncomingMessage, res: ServerResponse, body: Buffer): void {
    this.counts.requests++;
    const { fault, status = 503, retryAfterMs } = this.script;
    res.on('close', () => {
      if (!res.writableFinished) this.counts.left++;
    });
    if (fault === 'Blackhole') return;
    if (fault === 'Status') {
      this.#refuse(res, status, retryAfterMs);
      return;
    }
    const wait = this.#overLimit(req.headers.authorization ?? '');
    if (wait !== undefined) {
      this.#refuse(res, 429, wait);
      return;
    }
    const { stream } = JSON.parse(body.toString()) as { stream?: boolean };
    setTimeout(() => (stream === true ? this.#stream(res) : this.#whole(res)), this.#firstToken());
  }

  #refuse(res: ServerResponse, status: number, retryAfterMs: number | undefined): void {
    this.counts.refused++;
    res.writeHead(status, {
      'content-type': 'application/json',
      ...(retryAfterMs !== undefined && {
        'retry-after-ms': String(retryAfterMs),
        'retry-after': String(Math.ceil(retryAfterMs / 1000)),
      }),
    });
    res.end(JSON.stringify({ error: { message: 'scripted', type: 'scripted', code: null } }));
  }

  #overLimit(key: string): number | undefined {
    const { limit } = this.script;
    if (limit === undefined) return undefined;
    const now = Date.now();
    const index = Math.floor(now / limit.windowMs);
    const window = this.#windows.get(key);
    if (window?.index !== index) this.#windows.set(key, { index, requests: 1 });
    else if (window.requests >= mostOf(limit, key)) return (index + 1) * limit.windowMs - now;
    else window.requests++;
    return undefined;
  }

  #firstToken(): number {
    const { firstTokenMs, spread = 0.1, tail } = this.script;
    const median = tail && Math.random() < tail.share ? tail.firstTokenMs : firstTokenMs;
    return lognormal(Math.random, median, spread);
  }

  #whole(res: ServerResponse): void {
    const { tokens = 20, tokenMs = 2 } = this.script;
    setTimeout(() => {
      if (res.destroyed) return;
      this.counts.answered++;
      const message = { role: 'assistant', content: 'word '.repeat(tokens) };
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(
        JSON.stringify({
          ...head('chat.completion'),
          choices: [{ index: 0, message, finish_reason: 'stop' }],
          usage: this.#usage(),
        }),
      );
    }, tokens * tokenMs);
  }

  #stream(res: ServerResponse): void {
    if (res.destroyed) return;
    const { tokens = 20, tokenMs = 2 } = this.script;
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    const send = (value: object): void => void res.write(`data: ${JSON.stringify(value)}\n\n`);
    const chunk = (delta: object, finish: string | null) => ({
      ...head('chat.completion.chunk'),
      choices: [{ index: 0, delta, finish_reason: finish }],
    });
    const usage = this.#usage();
    let sent = 1;
    send(chunk({ role: 'assistant', content: 'word ' }, null));
    const began = performance.now();
    // Timers are coarse: as many tokens as are due by now go out at each tick.
    const timer = setInterval(
      () => {
        if (res.destroyed) {
          clearInterval(timer);
          return;
        }
        const due = tokenMs === 0 ? tokens : 1 + Math.floor((performance.now() - began) / tokenMs);
        for (; sent < Math.min(tokens, due); sent++) send(chunk({ content: 'word ' }, null));
        if (sent < tokens) return;
        clearInterval(timer);
        this.counts.answered++;
        send(chunk({}, 'stop'));
        send({ ...head('chat.completion.chunk'), choices: [], usage });
        res.end('data: [DONE]\n\n');
      },
      Math.max(TICK_MS, tokenMs),
    );
  }

  #usage(): object {
    const { tokens = 20, reasoningTokens = 0 } = this.script;
    const completion = tokens + reasoningTokens;
    return {
      prompt_tokens: 100,
      completion_tokens: completion,
      total_tokens: 100 + completion,
      completion_tokens_details: { reasoning_tokens: reasoningTokens },
    };
  }
}

const head = (object: string) => ({ id: 'scripted', object, created: 1, model: 'm' });

const print = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

const scripts = JSON.parse(process.argv[2] ?? '{}') as Record<string, ProviderScript>;
const providers = new Map(Object.entries(scripts).map(([name, script]) => [name, new Provider(script)]));
const ports: Record<string, number> = {};
for (const [name, provider] of providers) {
  // Every provider has a port, even one that refuses from the start.
  ports[name] = await provider.follow({ firstTokenMs: 0 });
  await provider.follow(scripts[name] ?? { firstTokenMs: 0 });
}
print(ports);

type Line = { name: string; script: ProviderScript } | { counts: true };
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line) as Line;
  if ('counts' in message) {
    print(Object.fromEntries([...providers].map(([name, { counts }]) => [name, counts])));
    continue;
  }
  await providers.get(message.name)?.follow(message.script);
  print({});
}
