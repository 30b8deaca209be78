/** Load that comes by the clock, however slow the answers are, as that of many callers does. Bounded. */
import { Agent, request as httpRequest } from 'node:http';

/** More than so many open at a time are not begun: they count as errors. */
const MAX_OPEN = 2000;

export interface LoadOptions {
  port: number;
  perSecond: number;
  durationMs: number;
  /** Default true. */
  stream?: boolean;
  /** Asked model: names the route. Default `m`. */
  model?: string;
  headers?: Record<string, string>;
  /** Hears of each answer as it is over. */
  onSample?: (sample: Sample) => void;
  /** What else the body holds. */
  body?: (index: number) => object;
}

export interface Sample {
  /** Milliseconds from the start of the load. */
  readonly at: number;
  /** 0: no answer. */
  readonly status: number;
  /** Of `x-outrider-request-id`. */
  readonly id?: string | undefined;
  /** Of `x-outrider-target`. */
  readonly target: string | undefined;
  /** To the first content of a stream, or to the whole answer. */
  readonly firstMs: number;
  readonly totalMs: number;
  /** What the caller got is a whole answer. */
  readonly whole: boolean;
}

/** Resolves when the last answer is over. */
export async function drive(options: LoadOptions): Promise<Sample[]> {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 256 });
  const samples: Promise<Sample>[] = [];
  const began = performance.now();
  const total = Math.floor((options.perSecond * options.durationMs) / 1000);
  let open = 0;
  await new Promise<void>((resolve) => {
    const tick = (): void => {
      const passed = performance.now() - began;
      const due = Math.min(total, Math.floor((passed * options.perSecond) / 1000) + 1);
      while (samples.length < due) {
        if (open >= MAX_OPEN) {
          samples.push(Promise.resolve(failed(passed)));
          continue;
        }
        open++;
        const asked = ask(agent, options, samples.length, passed);
        samples.push(asked);
        void asked.then((sample) => {
          open--;
          options.onSample?.(sample);
          return undefined;
        });
      }
      if (samples.length < total) setTimeout(tick, 1);
      else resolve();
    };
    tick();
  });
  const done = await Promise.all(samples);
  agent.destroy();
  return done;
}

const failed = (at: number): Sample => ({
  at,
  status: 0,
  target: undefined,
  firstMs: Number.NaN,
  totalMs: Number.NaN,
  whole: false,
});

function ask(agent: Agent, options: LoadOptions, index: number, at: number): Promise<Sample> {
  const { port, stream = true, model = 'm', headers, body } = options;
  const payload = Buffer.from(
    JSON.stringify({
      model,
      messages: [{ role: 'user', content: 'What is new today?' }],
      ...(stream && { stream: true }),
      ...body?.(index),
    }),
  );
  const started = performance.now();
  return new Promise((resolve) => {
    let first = Number.NaN;
    let tail = '';
    const req = httpRequest(
      {
        agent,
        port,
        host: '127.0.0.1',
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { 'content-type': 'application/json', 'content-length': payload.length, ...headers },
      },
      (res) => {
        const { statusCode: status = 0 } = res;
        const named = res.headers['x-outrider-target'];
        const target = typeof named === 'string' ? named : undefined;
        const told = res.headers['x-outrider-request-id'];
        const id = typeof told === 'string' ? told : undefined;
        const end = (closed: boolean): void => {
          const totalMs = performance.now() - started;
          const whole = closed && status === 200 && (!stream || tail.includes('[DONE]'));
          resolve({ at, status, id, target, firstMs: stream ? first : totalMs, totalMs, whole });
        };
        res.on('data', (chunk: Buffer) => {
          if (Number.isNaN(first) && chunk.includes('word')) first = performance.now() - started;
          tail = (tail + chunk.subarray(-64).toString()).slice(-64);
        });
        res.on('end', () => end(true));
        res.on('error', () => end(false));
      },
    );
    req.on('error', () => resolve({ ...failed(at), totalMs: performance.now() - started }));
    req.end(payload);
  });
}
