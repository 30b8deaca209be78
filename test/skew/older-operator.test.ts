/** This sidecar with the operator of the last release: it says what it said when it was recorded. */
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Acknowledgement } from '../../sidecar/snapshot/messages.ts';
import { PROTOCOL_VERSION } from '../../sidecar/snapshot/messages.ts';
import { until } from '../operator/support/manual-clock.ts';
import { ScriptedOperator } from '../sidecar/snapshot/scripted-operator.ts';
import { type Exchange, lastRelease, recordedConversation } from './support/release.ts';

const { steps } = recordedConversation(lastRelease());
const spoken = steps.flatMap(({ exchanges }) => exchanges);

let operator: ScriptedOperator;
let step = 0;

beforeEach(async () => {
  step = 0;
  operator = await ScriptedOperator.start();
  const said = (of: readonly Exchange[], path: string) => {
    const found = of.filter((exchange) => exchange.path === path).at(-1);
    if (!found) throw new Error(`nobody asked for ${path} when it was recorded`);
    return found;
  };
  operator.script.set('/v1/stream', (_req, res) => {
    res.writeHead(200, { ...spoken[0]?.answerHeaders, 'content-type': 'text/event-stream' });
    res.write(steps[step]?.stream ?? '');
    operator.streams.push(res);
  });
  operator.script.set('/v1/snapshots/hash', (req, res) => {
    const { answerHeaders, body } = said(spoken, req.url ?? '');
    res.writeHead(200, answerHeaders);
    res.end(gzipSync(JSON.stringify(body)));
  });
  operator.script.set('/v1/credentials', (_req, res) => {
    const { answerHeaders, body } = said(steps[step]?.exchanges ?? [], '/v1/credentials');
    res.writeHead(200, answerHeaders).end(JSON.stringify(body));
  });
  operator.script.set('/v1/report', (_req, res, body) => {
    operator.reports.push(JSON.parse(body));
    const { answerHeaders, body: answer } = said(spoken, '/v1/report');
    res.writeHead(200, answerHeaders).end(JSON.stringify(answer));
  });
});
afterEach(() => operator.close());

/** What the release's own sidecar said at the end of each step. */
const acknowledgements = steps.map(({ exchanges }) => {
  const reports = exchanges.filter(({ path }) => path === '/v1/report');
  return (reports.at(-1) as { request: { ack: Acknowledgement } }).request.ack;
});

it.each([PROTOCOL_VERSION, PROTOCOL_VERSION + 1])(
  'runs what it is sent, and says so as that release did (it speaks version %i)',
  async (protocol) => {
    await operator.client({ protocol });
    for (const [i, recorded] of acknowledgements.entries()) {
      step = i;
      if (i > 0) operator.send(steps[i]?.stream ?? '');
      const latest = () => operator.reported?.ack;
      await until(
        () =>
          latest()?.hash === recorded.hash && latest()?.credentialsVersion === recorded.credentialsVersion,
        `step ${i}`,
      );
      expect(latest()).toEqual(recorded);
    }
    const { routes } = operator.holder.effective ?? { routes: [] };
    expect(routes.filter(({ body }) => body === undefined)).toEqual([]);
    expect(operator.credentials.get('platform/vendor/main')).toBe('sk-new-main');
    expect(operator.warnings).toEqual([]);
  },
);
