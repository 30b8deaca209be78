/**
 * `npm start`: the whole product on one laptop. An embedded API server, the operator, one sidecar that follows it over TLS, two
 * scripted providers, and examples/quickstart applied. Everything listens on loopback and lives in memory.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { requestLine } from '../cli/run/request-line.ts';
import { allCrds } from '../crds/definitions.ts';
import { createAuthority, issueServing } from '../operator/certificates/authority.ts';
import type { LogRecord } from '../sidecar/telemetry/summary.ts';
import { startApiServer } from './api-server/server.ts';
import { hints } from './laptop/hints.ts';
import { applyOpenAI, applyQuickstart } from './laptop/manifests.ts';
import { createPod } from './laptop/pod.ts';
import { portOr } from './laptop/ports.ts';
import { Processes } from './laptop/processes.ts';
import { startScriptedProvider } from './providers/server.ts';

/** URLs of examples/quickstart. */
const NORTH = 4101;
const SOUTH = 4102;
/** What the scripted providers do until told otherwise. */
const HEALTHY = { latencyMs: 40, tokensPerSecond: 60 };
const TOKEN_SECONDS = 3600;
const READY_MS = 15_000;
const DAY_MS = 86_400_000;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const directory = mkdtempSync(path.join(tmpdir(), 'outrider-'));
const file = (name: string, text: string): string => {
  const where = path.join(directory, name);
  writeFileSync(where, text, { mode: 0o600 });
  return where;
};

/** Where the sidecar keeps its last known good configuration; with the keys in it only where it is memory, as in a pod. */
function stateDirectory(): string {
  const state = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : directory, 'outrider-state-'));
  closing.push(() => rmSync(state, { recursive: true, force: true }));
  return state;
}

const closing: (() => unknown)[] = [() => rmSync(directory, { recursive: true, force: true })];
let ending: Promise<void> | undefined;
function end(code: number): Promise<void> {
  ending ??= (async () => {
    for (const close of closing.reverse()) await close();
    process.exit(code);
  })();
  return ending;
}
process.once('SIGINT', () => void end(0));
process.once('SIGTERM', () => void end(0));

async function main(): Promise<void> {
  say('Starting an API server, the operator, a sidecar and two scripted providers ...');
  const north = await startScriptedProvider({
    port: await portOr(NORTH),
    keys: ['sk-scripted-north'],
    record: false,
  });
  const south = await startScriptedProvider({
    port: await portOr(SOUTH),
    keys: ['sk-scripted-south'],
    record: false,
  });
  for (const provider of [north, south]) provider.behaviour = HEALTHY;
  closing.push(
    () => north.close(),
    () => south.close(),
  );

  const api = await startApiServer({ port: await portOr(4180), crds: allCrds() });
  closing.push(() => api.close());
  const kubeconfig = file('kubeconfig', api.kubeconfig());
  await applyQuickstart(
    api.url,
    new Map([
      [`http://127.0.0.1:${NORTH}/v1`, north.url],
      [`http://127.0.0.1:${SOUTH}/v1`, south.url],
    ]),
  );
  const openai = await applyOpenAI(api.url, process.env['OPENAI_API_KEY']);
  const pod = await createPod(api.url);

  const authority = await createAuthority('outrider laptop', { now: Date.now(), lifetimeMs: 30 * DAY_MS });
  const serving = await issueServing(authority, ['127.0.0.1'], { now: Date.now(), lifetimeMs: 30 * DAY_MS });
  const mint = (): string =>
    api.mintToken({
      namespace: pod.namespace,
      serviceAccount: 'default',
      pod,
      audience: 'outrider',
      expiresInSeconds: TOKEN_SECONDS,
    });
  const token = file('token', mint());
  // A kubelet refreshes projected tokens at 80 % of their life.
  const refresh = setInterval(() => file('token', mint()), TOKEN_SECONDS * 800).unref();
  closing.push(() => clearInterval(refresh));

  const processes = new Processes((name, how) => say(`${name} ${how}; it is started again`));
  closing.push(() => processes.stop());
  const [sync, operatorAdmin] = [await portOr(4143), await portOr(4181)];
  const [port, admin] = [await portOr(4000), await portOr(4001)];
  const flags = (values: Record<string, string>): string[] =>
    Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]);
  const operatorFlags = flags({
    kubeconfig,
    listen: `127.0.0.1:${sync}`,
    admin: `127.0.0.1:${operatorAdmin}`,
    'tls-cert': file('tls.crt', serving.cert),
    'tls-key': file('tls.key', serving.key),
    'credentials-namespaces': '*',
    'ledger-namespace': 'default',
    'log-level': 'warn',
  });
  processes.start('operator', ['operator', ...operatorFlags], (line) => say(`operator: ${line}`));
  await ready('operator', operatorAdmin);
  const sidecarFlags = flags({
    operator: `https://127.0.0.1:${sync}`,
    'token-file': token,
    'ca-file': file('ca.crt', authority.cert),
    listen: `127.0.0.1:${port}`,
    admin: `127.0.0.1:${admin}`,
    'state-dir': stateDirectory(),
  });
  processes.start('sidecar', ['sidecar', ...sidecarFlags], tellRequest);
  await ready('sidecar', admin);
  if (port !== 4000) say(`Port 4000 is taken; the sidecar listens on ${port}.`);
  say(
    hints({
      sidecar: port,
      admin,
      apiServer: api.url,
      kubeconfig,
      north: `${north.url}/_behaviour`,
      healthy: JSON.stringify(HEALTHY),
      openai,
    }),
  );
}

/** Requests as a line each; of the sidecar's own log only what is no routine. */
function tellRequest(line: string): void {
  let record: { msg?: string; level?: string };
  try {
    record = JSON.parse(line) as typeof record;
  } catch {
    say(`sidecar: ${line}`);
    return;
  }
  if (record.msg === 'request') say(requestLine(record as unknown as LogRecord));
  else if (record.level !== 'info') say(`sidecar: ${line}`);
}

async function ready(name: string, admin: number): Promise<void> {
  const deadline = Date.now() + READY_MS;
  while (Date.now() < deadline) {
    const answer = await fetch(`http://127.0.0.1:${admin}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the ${name} was not ready within ${READY_MS / 1000} s`);
}

main().catch((error: unknown) => {
  say(`outrider: ${error instanceof Error ? error.message : String(error)}`);
  return end(1);
});
