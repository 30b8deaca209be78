/** The dialects' own share: events of a rendered stream, read as for passthrough, and read and translated; and a request. */
import { askedOf } from '../../sidecar/dialects/canonical/asked.ts';
import { Losses } from '../../sidecar/dialects/canonical/losses.ts';
import type { AnswerContext } from '../../sidecar/dialects/chat-format.ts';
import type { DialectName } from '../../sidecar/dialects/dialect.ts';
import { CALLERS, VENDORS } from '../../sidecar/dialects/formats.ts';
import { openSplitter } from '../../sidecar/dialects/splitter.ts';
import { openTranslation, translateRequest } from '../../sidecar/dialects/translation.ts';
import { wireNamed } from '../../test/sidecar/dialects/pairs/wires.ts';
import { CALLERS as APPS, type Caller } from '../../test/sidecar/matrix/callers.ts';

/** Microseconds of a stream passed through in the caller's dialect, and of one translated to it. */
export interface OwnCost {
  passed: number;
  translated: number;
}

/** `same` and `foreign`: streams of the caller's dialect and of the vendor's. */
export function ownCost(
  caller: Caller,
  vendor: DialectName,
  same: readonly Buffer[],
  foreign: readonly Buffer[],
): OwnCost {
  const app = APPS.find(({ dialect }) => dialect === caller.dialect) ?? caller;
  const body = Buffer.from(JSON.stringify(app.request({ user: 'Hello' }, true)));
  const own = wireNamed(caller.dialect);
  const wire = wireNamed(vendor);
  const from = CALLERS[caller.dialect as DialectName];
  const to = VENDORS[vendor];
  if (!from || !to) throw new Error(`no translation from ${caller.dialect} to ${vendor}`);
  const request = askedOf(from.readChat(body));
  const context: AnswerContext = { requestId: 'r', now: 1_780_000_000, model: 'm', request };
  const passed = (): void => {
    const reader = own.openStream();
    const splitter = openSplitter(own, false);
    for (const piece of same) {
      splitter.push(piece);
      while (splitter.next()) if (splitter.hasData) reader.read(splitter.event, splitter.data);
    }
  };
  const translated = (): void => {
    const reader = wire.openStream();
    const splitter = openSplitter(wire, true);
    const stream = openTranslation(from, to, context).openStream();
    for (const piece of foreign) {
      splitter.push(piece);
      while (splitter.next()) {
        if (splitter.hasData) stream.event(splitter.data, reader.read(splitter.event, splitter.data));
      }
    }
    stream.end();
  };
  return fastest(passed, translated);
}

/** Microseconds of reading a request into the canonical form and writing it for the vendor. */
export function requestCost(caller: Caller, vendor: DialectName, body: Buffer): number {
  const from = CALLERS[caller.dialect as DialectName];
  const to = VENDORS[vendor];
  if (!from || !to) throw new Error(`no translation from ${caller.dialect} to ${vendor}`);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 40; round++) {
    const cost = microseconds(() => {
      const context = {
        model: 'm',
        maxOutputTokens: 8192,
        quirks: {},
        losses: new Losses(),
        media: () => undefined,
      };
      translateRequest(from.readChat(body), to, context);
    });
    best = Math.min(best, cost);
  }
  return best;
}

/** The fastest of many rounds of each, taken in turn. */
function fastest(passed: () => void, translated: () => void): OwnCost {
  const cost: OwnCost = { passed: Number.POSITIVE_INFINITY, translated: Number.POSITIVE_INFINITY };
  for (let round = 0; round < 40; round++) {
    cost.passed = Math.min(cost.passed, microseconds(passed));
    cost.translated = Math.min(cost.translated, microseconds(translated));
  }
  return cost;
}

const STREAMS = 40;

function microseconds(run: () => void): number {
  const start = performance.now();
  for (let i = 0; i < STREAMS; i++) run();
  return ((performance.now() - start) * 1000) / STREAMS;
}
