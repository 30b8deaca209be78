/** What a translation keeps of an answer counts with everything else that is held for requests. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { CALLERS } from '../../matrix/callers.ts';
import { providerItem, routeItem, rule, target } from '../../support/configuration.ts';
import { callJson } from '../../support/http.ts';
import { startTestSidecar, until } from '../../support/sidecar.ts';

const MIB = 1024 * 1024;
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const chunk = (content: string, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: 'c', model: 'm', choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`;

/** A vendor whose stream is this long, and a sidecar before it with so much memory. */
async function streaming(bytes: number, memoryBytes: number) {
  const vendor = createServer((req, res) => {
    req.resume();
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    const piece = chunk('x'.repeat(8192));
    const pump = (left: number): void => {
      if (res.destroyed) return;
      if (left <= 0) {
        res.end(`${chunk('', 'stop')}data: [DONE]\n\n`);
        return;
      }
      if (res.write(piece)) setImmediate(pump, left - 8192);
      else res.once('drain', () => pump(left - 8192));
    };
    pump(bytes);
  });
  await new Promise<void>((resolve) => vendor.listen(0, '127.0.0.1', resolve));
  closing.push(
    () => vendor.closeAllConnections(),
    () => vendor.close(),
  );
  const url = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/v1`;
  const sidecar = await startTestSidecar(
    [providerItem('main', url), routeItem('any', ['any'], [rule([target('main', { model: 'm' })])])],
    { limits: { memoryBytes } },
  );
  closing.push(() => sidecar.close());
  return sidecar;
}

const [, responses, messages] = CALLERS;

it('ends a stream that must be repeated whole where no memory is left, and says so', async () => {
  const sidecar = await streaming(4 * MIB, MIB);
  const answer = await callJson(sidecar.url + responses?.path, responses?.request({ user: 'Hi' }, true));
  expect(answer.status).toBe(200);
  expect(answer.text.length).toBeGreaterThan(MIB / 4);
  expect(answer.text.length).toBeLessThan(MIB);
  expect(answer.text).toMatch(/\nevent: error\ndata: [^\n]*holds 1048576 bytes/);
  await until(() => sidecar.ended.length === 1);
  expect(sidecar.ended[0]?.outcome.broken).toBe(true);
  expect(sidecar.memory.used).toBe(0);
  // The vendor did nothing wrong: it is asked again.
  const again = await callJson(sidecar.url + responses?.path, responses?.request({ user: 'Hi' }, true));
  expect(again.status).toBe(200);
});

it('lets the same stream through for an app to which it is told once', async () => {
  const sidecar = await streaming(4 * MIB, MIB);
  const answer = await callJson(
    sidecar.url + messages?.path,
    messages?.request({ user: 'Hi' }, true),
    messages?.headers,
  );
  expect(answer.text.length).toBeGreaterThan(4 * MIB);
  expect(answer.text).toMatch(/event: message_stop\n/);
});

it('holds a long answer as long as it lasts, and no longer', async () => {
  const sidecar = await streaming(2 * MIB, 8 * MIB);
  const answer = await callJson(sidecar.url + responses?.path, responses?.request({ user: 'Hi' }, true));
  expect(answer.text).toMatch(/event: response.completed\n/);
  await until(() => sidecar.ended.length === 1);
  expect(sidecar.memory.used).toBe(0);
});
