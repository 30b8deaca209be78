/** A provider that answers when the test says so, and remembers how many calls it had at once and with which keys. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HeldProvider {
  readonly url: string;
  /** Keys of the calls, in order. */
  readonly keys: string[];
  /** Whose prompts were asked, in order. */
  readonly prompts: string[];
  readonly most: number;
  /** Calls that wait for their answer. */
  readonly held: number;
  /** Answers the oldest call that waits. */
  release(): void;
  /** From now on calls are answered at once. */
  open(): void;
  close(): Promise<void>;
}

export type Answering = (
  req: IncomingMessage,
  key: string,
) => { status?: number; headers?: string[] } | undefined;

/** `answering` gives what is special about an answer. */
export async function holdingProvider(answering: Answering = () => undefined): Promise<HeldProvider> {
  const keys: string[] = [];
  const prompts: string[] = [];
  const held: (() => void)[] = [];
  let isOpen = false;
  let atOnce = 0;
  let most = 0;
  const answer = (req: IncomingMessage, res: ServerResponse, key: string): void => {
    const { status = 200, headers = [] } = answering(req, key) ?? {};
    const body =
      status === 200
        ? {
            id: 'x',
            object: 'chat.completion',
            model: 'm',
            choices: [{ index: 0, message: { role: 'assistant', content: 'well' }, finish_reason: 'stop' }],
            usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
          }
        : { error: { message: 'no', type: 'error', code: 'no' } };
    const text = JSON.stringify(body);
    res.writeHead(status, [
      'content-type',
      'application/json',
      'content-length',
      String(Buffer.byteLength(text)),
      ...headers,
    ]);
    res.end(text);
  };
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('error', () => {});
    req.on('end', () => {
      const key = (req.headers.authorization ?? '').replace('Bearer ', '');
      keys.push(key);
      prompts.push(/"content":"([^"]*)"/.exec(Buffer.concat(chunks).toString())?.[1] ?? '');
      most = Math.max(most, ++atOnce);
      const go = (): void => {
        if (!res.destroyed) answer(req, res, key);
      };
      res.on('close', () => {
        atOnce--;
        const at = held.indexOf(go);
        if (at >= 0) held.splice(at, 1);
      });
      if (isOpen) go();
      else held.push(go);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    keys,
    prompts,
    get most() {
      return most;
    },
    get held() {
      return held.length;
    },
    release: () => held.shift()?.(),
    open: () => {
      isOpen = true;
      for (const go of held.splice(0)) go();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
