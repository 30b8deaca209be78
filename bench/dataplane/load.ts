/**
 * A bounded closed-loop client. Reads jobs as JSON lines from stdin and answers each with a line of results.
 * A job is `requests` requests over `connections` keep-alive connections, then it is over.
 */
import { Agent, request as httpRequest } from 'node:http';
import { createInterface } from 'node:readline';

export interface Job {
  port: number;
  requests: number;
  connections: number;
  /** Size of the JSON body in bytes. */
  bytes: number;
  stream: boolean;
  /** Model asked for: names the route of the sidecar; the upstream does not care. */
  model: string;
}

export interface JobResult {
  /** Milliseconds per request: to the complete answer, or for streams to the first content event. */
  latencies: number[];
  errors: number;
  chunks: number;
}

/** A chat request of about `bytes` bytes. */
export function chatBody(model: string, bytes: number, stream: boolean): Buffer {
  const frame = JSON.stringify({
    model,
    messages: [
      { role: 'system', content: 'You answer briefly.' },
      { role: 'user', content: '' },
    ],
    ...(stream && { stream: true, stream_options: { include_usage: true } }),
  });
  const filler = 'lorem ipsum dolor sit amet '
    .repeat(Math.ceil(bytes / 27))
    .slice(0, Math.max(0, bytes - frame.length));
  return Buffer.from(frame.replace('"content":""', `"content":"${filler}"`));
}

async function run(job: Job): Promise<JobResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: job.connections });
  const body = chatBody(job.model, job.bytes, job.stream);
  const result: JobResult = { latencies: [], errors: 0, chunks: 0 };
  let left = job.requests;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await once(agent, job, body, result);
  };
  await Promise.all(Array.from({ length: job.connections }, worker));
  agent.destroy();
  return result;
}

function once(agent: Agent, job: Job, body: Buffer, result: JobResult): Promise<void> {
  return new Promise((resolve) => {
    const started = performance.now();
    let first = 0;
    const req = httpRequest(
      {
        agent,
        port: job.port,
        host: '127.0.0.1',
        method: 'POST',
        path: '/v1/chat/completions',
        headers: {
          'content-type': 'application/json',
          'content-length': body.length,
          authorization: 'Bearer sk-bench',
        },
      },
      (res) => {
        res.on('data', (chunk: Buffer) => {
          result.chunks++;
          if (job.stream && first === 0 && chunk.includes('" word"')) first = performance.now();
        });
        res.on('end', () => {
          if (res.statusCode !== 200 || (job.stream && first === 0)) result.errors++;
          else result.latencies.push((job.stream ? first : performance.now()) - started);
          resolve();
        });
      },
    );
    req.on('error', () => {
      result.errors++;
      resolve();
    });
    req.end(body);
  });
}

if (import.meta.main) {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await run(JSON.parse(line) as Job))}\n`);
  }
}
