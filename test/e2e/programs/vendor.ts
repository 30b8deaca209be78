/**
 * A scripted provider as a pod: the vendor on port 8000, and on port 8001 what the suite asks of it. `KEYS` are the keys it takes.
 *
 * A question with "words=80 pace=2" in it is answered with as many words at as many a second.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { startScriptedProvider } from '../../../dev/providers/server.ts';

const keys = (process.env.KEYS ?? '').split(',');
/** Requests by the key they came with. */
let seen: Record<string, number> = {};

await startScriptedProvider({
  host: '0.0.0.0',
  port: 8000,
  keys,
  record: false,
  script({ headers, body }) {
    const key = (headers.authorization ?? 'none').replace(/^Bearer /, '');
    seen[key] = (seen[key] ?? 0) + 1;
    const asked = /words=(\d+) pace=(\d+)/.exec(body.toString('utf8'));
    return asked ? { outputTokens: Number(asked[1]), tokensPerSecond: Number(asked[2]) } : undefined;
  },
});

async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
  switch (`${req.method} ${req.url}`) {
    case 'GET /seen':
      break;
    case 'DELETE /seen':
      seen = {};
      break;
    case 'PUT /keys':
      keys.splice(0, keys.length, ...((await json(req)) as string[]));
      break;
    default:
      res.writeHead(404).end();
      return;
  }
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(seen));
}

createServer((req, res) => {
  serve(req, res).catch((error: unknown) => res.writeHead(500).end(String(error)));
}).listen(8001);
process.on('SIGTERM', () => process.exit(0));
