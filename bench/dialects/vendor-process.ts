/** The vendors of all dialects in one process: each answer is made at the first request for it. Prints `{"port":N}` when it listens. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Rendered, render } from './answers.ts';

const made = new Map<string, Rendered>();

const server = createServer((req, res) => {
  const chunks: Buffer[] = [];
  req.on('data', (chunk: Buffer) => chunks.push(chunk));
  req.on('end', () => {
    const body = Buffer.concat(chunks);
    const [path = ''] = (req.url ?? '').split('?');
    const key = `${path} ${body.includes('"stream":true')}`;
    let rendered = made.get(key);
    if (rendered === undefined) {
      made.set(key, (rendered = render({ method: 'POST', path, headers: req.headers, body })));
    }
    const { headers, pieces } = rendered;
    res.writeHead(200, headers);
    let at = 0;
    const next = (): void => {
      if (res.destroyed) return;
      if (at === pieces.length - 1) {
        res.end(pieces[at]);
        return;
      }
      res.write(pieces[at++]);
      setImmediate(next);
    };
    next();
  });
});
server.keepAliveTimeout = 300_000;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`);
});
