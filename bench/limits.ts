/**
 * What limits of rates cost a request: admission through the real code, what the caller is told, and the places given back, with
 * two limits (tokens for all, requests by a header), with a third that is shared fairly among a hundred tenants, and with none.
 * Exits non-zero where two limits cost more than the bar.
 *
 *   node bench/limits.ts
 */
import type { Exchange } from '../sidecar/exchange.ts';
import { FleetRates } from '../sidecar/limits/rates/fleet-rates.ts';
import { RateLimits } from '../sidecar/limits/rates/rates.ts';
import type { RequestFacts } from '../sidecar/routing/plan.ts';
import { systemClock } from '../sidecar/snapshot/clock.ts';
import type { RuleBody } from '../sidecar/snapshot/schema.ts';
import type { RateLimitBody } from '../sidecar/snapshot/shapes/rate-limits.ts';

const REQUESTS = 400_000;
const WARM_UP = 100_000;
const ROUNDS = 5;
const BAR_MICROSECONDS = 3;
const TENANTS = 100;

const limit = (name: string, over: Partial<RateLimitBody>): RateLimitBody => ({
  id: `route/bench/r/rule/${name}`,
  key: [],
  maxKeys: 1000,
  maxWaitMs: 0,
  ...over,
});
const tenant = [{ by: 'Header' as const, header: 'x-tenant' }];
const together = limit('together', { rate: { of: 'Tokens', amount: 1_000_000_000, per: 'Minute' } });
const each = limit('each', { rate: { of: 'Requests', amount: 1_000_000_000, per: 'Minute' }, key: tenant });
const fair = limit('fair', {
  rate: { of: 'Requests', amount: 1_000_000_000, per: 'Second' },
  fair: { by: tenant, weights: [] },
});

const tenants = Array.from({ length: TENANTS }, (_, i) => `tenant-${i}`);
let turn = 0;
const headers: string[] = [];
const facts = {
  header: () => tenants[turn],
  inputTokens: 200,
  maxOutputTokens: 100,
  choices: 1,
} as unknown as RequestFacts;

/** Microseconds of CPU for each request. */
function measure(rateLimits: RateLimitBody[] | undefined): number {
  const rule = { name: 'rule', targets: [], ...(rateLimits && { rateLimits }) } as unknown as RuleBody;
  const fleet = new FleetRates({ clock: systemClock, shared: false });
  const rates = new RateLimits({
    now: () => performance.now(),
    wall: () => Date.now(),
    workload: 'bench',
    outputReserve: () => 100,
    fleet,
  });
  rates.apply({ routes: [] });
  const request = (): void => {
    turn = (turn + 1) % TENANTS;
    const exchange = { facts, rates: undefined, attempts: [], steps: [], outcome: { status: 200 } };
    const of = exchange as unknown as Exchange;
    rates.admit(of, rule);
    headers.length = 0;
    of.rates?.tell('openai-chat', headers);
    rates.completed(of);
  };
  for (let i = 0; i < WARM_UP; i++) request();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < REQUESTS; i++) request();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / REQUESTS);
  }
  return best;
}

const none = measure(undefined);
const two = measure([together, each]);
const rows: [string, number][] = [
  ['no limit', none],
  ['two limits', two],
  ['three, one of them shared fairly', measure([together, each, fair])],
];
for (const [what, us] of rows) process.stdout.write(`${what.padEnd(36)} ${us.toFixed(3)} us\n`);
if (two > BAR_MICROSECONDS) process.exitCode = 1;
