/**
 * The provider behind every measurement: answers of fixed bytes, so that what is measured is what stands before it.
 * Prints `{"port":N,"tlsPort":N}` when it listens. Streams have 50 content events, one write each.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

const [keyFile, certFile] = process.argv.slice(2) as [string, string];
const EVENTS = 50;

const complete = Buffer.from(
  JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created: 1_780_000_000,
    model: 'bench-1',
    choices: [
      { index: 0, message: { role: 'assistant', content: 'word '.repeat(140) }, finish_reason: 'stop' },
    ],
    usage: { prompt_tokens: 480, completion_tokens: 140, total_tokens: 620 },
  }),
);
const chunk = (choices: object[], usage: object | null): Buffer =>
  Buffer.from(
    `data: ${JSON.stringify({ id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1_780_000_000, model: 'bench-1', choices, usage })}\n\n`,
  );
const role = chunk([{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }], null);
const word = chunk([{ index: 0, delta: { content: ' word' }, finish_reason: null }], null);
const finish = chunk([{ index: 0, delta: {}, finish_reason: 'stop' }], null);
const usage = chunk([], { prompt_tokens: 480, completion_tokens: EVENTS, total_tokens: 480 + EVENTS });
const done = Buffer.from('data: [DONE]\n\n');

function handle(req: IncomingMessage, res: ServerResponse): void {
  const body: Buffer[] = [];
  req.on('data', (c: Buffer) => body.push(c));
  req.on('end', () => {
    const request = Buffer.concat(body);
    if (request.includes('"hold":true')) return holdOpen(res);
    if (request.includes('"stream":true')) return stream(res, request.includes('"include_usage":true'));
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': complete.length });
    res.end(complete);
  });
}

function stream(res: ServerResponse, withUsage: boolean): void {
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  res.write(role);
  let sent = 0;
  const next = (): void => {
    if (res.destroyed) return;
    if (sent++ < EVENTS) {
      res.write(word);
      setImmediate(next);
      return;
    }
    res.write(finish);
    if (withUsage) res.write(usage);
    res.end(done);
  };
  setImmediate(next);
}

/** A stream that stays open: one content event now, then one a second until the client leaves. */
function holdOpen(res: ServerResponse): void {
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  res.write(role);
  res.write(word);
  const timer = setInterval(() => res.write(word), 1000);
  res.on('close', () => clearInterval(timer));
}

const plain = createServer(handle);
const tls = createTlsServer({ key: readFileSync(keyFile), cert: readFileSync(certFile) }, handle);
for (const server of [plain, tls]) server.keepAliveTimeout = 300_000;
plain.listen(0, '127.0.0.1', () => {
  tls.listen(0, '127.0.0.1', () => {
    const port = (plain.address() as AddressInfo).port;
    process.stdout.write(`${JSON.stringify({ port, tlsPort: (tls.address() as AddressInfo).port })}\n`);
  });
});
