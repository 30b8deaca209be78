/**
 * The app of the end-to-end suite: the stock OpenAI SDK, told nothing but what its pod is told, and a door on port 8080 through
 * which the suite makes it ask. It ends when its last answer is written.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import OpenAI from 'openai';
import { ask, openStream } from './ask.ts';
import { Load } from './load.ts';

const PORT = 8080;

/** As an app that does not hide failures from its users. */
const openai = new OpenAI({ maxRetries: 0, timeout: 30_000 });
const load = new Load(openai);

async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
  switch (`${req.method} ${req.url}`) {
    case 'GET /healthz':
      return answer(res, { ok: true });
    case 'POST /ask':
      return answer(res, await ask(openai, (await json(req)) as { model?: string; text?: string }));
    case 'POST /stream':
      return stream(res, ((await json(req)) as { text: string }).text);
    case 'POST /load':
      load.start(((await json(req)) as { perSecond: number }).perSecond);
      return answer(res, load.report());
    case 'GET /load':
      return answer(res, load.report());
    case 'DELETE /load':
      return answer(res, await load.stop());
    case 'GET /environment':
      return answer(res, process.env);
    case 'POST /kill-sidecar':
      return answer(res, { killed: killSidecar() });
    default:
      res.writeHead(404).end();
  }
}

/** Passes text on as it comes; the last line says how it ended. */
async function stream(res: ServerResponse, text: string): Promise<void> {
  res.writeHead(200, { 'content-type': 'text/plain' });
  let chunks = 0;
  let end: object;
  try {
    let finish: string | null = null;
    for await (const { choices } of await openStream(openai, text)) {
      const [choice] = choices;
      finish = choice?.finish_reason ?? finish;
      if (!choice?.delta.content) continue;
      chunks++;
      res.write(`${choice.delta.content}\n`);
    }
    end = { chunks, finish };
  } catch (error) {
    end = { chunks, error: String(error) };
  }
  res.end(`${JSON.stringify(end)}\n`);
}

/** Only a pod whose containers see each other's processes can do this. */
function killSidecar(): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const pid = pids.find((each) => commandLine(each).includes('/app/sidecar.js'));
  if (pid === undefined) throw new Error('no process of a sidecar is to be seen');
  process.kill(Number(pid), 'SIGKILL');
  return Number(pid);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function answer(res: ServerResponse, value: object): void {
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

let open = 0;
let ending = false;

function endWhenIdle(): void {
  if (ending && open === 0) void load.stop().then(() => process.exit(0));
}

createServer((req, res) => {
  open++;
  res.on('close', () => {
    open--;
    endWhenIdle();
  });
  serve(req, res).catch((error: unknown) => res.writeHead(500).end(String(error)));
}).listen(PORT);
process.on('SIGTERM', () => {
  ending = true;
  endWhenIdle();
});
