/** Finished requests, most of them plain, each a little different from the one before. */
import * as fc from 'fast-check';
import type { Dialect } from '../../../sidecar/dialects/dialect.ts';
import type { Candidate, RequestFacts } from '../../../sidecar/routing/plan.ts';
import { type Finished, finish } from '../../../sidecar/telemetry/finished.ts';
import { attempt, type ExchangeParts, exchange, settled, world } from './exchanges.ts';

export const WORLD = world();
export const { first, open } = WORLD.candidates as Record<'first' | 'open', Candidate>;

export function finished(parts: ExchangeParts): Finished {
  const one = exchange(WORLD, parts);
  if (!one.outcome) throw new Error('it has ended');
  return finish(one, one.outcome);
}

const tokens = fc.nat(2_000_000);
const usage = fc.record(
  { input: tokens, cacheRead: tokens, output: tokens, reasoning: tokens, cacheWrite5m: fc.nat(3) },
  { requiredKeys: ['input', 'output'] },
);
const ms = fc.double({ min: 0, max: 100_000, noNaN: true });

/** Mostly what is ordinary, and now and then what is not, so that lines after one another differ in anything. */
const often = <T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });

export const requests = fc.record({
  path: often('/v1/chat/completions', fc.string({ maxLength: 300 })),
  method: often('POST', fc.constantFrom('GET', 'PATCH')),
  asked: often('gpt-5-mini', fc.constantFrom('\u0000', '"quoted"', 'x'.repeat(300))),
  route: often<string | undefined>('demo/assistant', fc.constantFrom('demo/other', undefined)),
  length: often<string | undefined>('2048', fc.constantFrom('0', 'many', undefined)),
  usage,
  cost: often<bigint | undefined>(900_000n, fc.option(fc.bigInt(0n, 10n ** 18n), { nil: undefined })),
  source: often('Provider', fc.constant('Estimated' as const)),
  took: ms,
  committed: fc.option(ms, { nil: undefined }),
  status: often(200, fc.constantFrom(201, 404, 500)),
  streamed: fc.boolean(),
  cancelled: often(false, fc.constant(true)),
  candidate: often(first, fc.constant(open)),
  kind: often('First', fc.constantFrom('Retry' as const, 'Probe' as const)),
  tier: often<'Flex' | undefined>(undefined, fc.constant('Flex')),
  askedTier: often<'Flex' | undefined>(undefined, fc.constant('Flex')),
  bytes: fc.nat(),
  warnings: often<string[]>([], fc.constant(['dropped'])),
  attempts: often(1, fc.constantFrom(0, 2)),
  trace: fc.option(fc.constant('0af7651916cd43dd8448eb211c80319c'), { nil: undefined }),
  facts: often<Partial<RequestFacts>>(
    {},
    fc.constantFrom({ stream: true }, { choices: 2 }, { jsonSchema: true }, { maxOutputTokens: 7 }),
  ),
  operation: often<Dialect['operation']>('chat', fc.constant('embeddings')),
  answered: often<string | undefined>('gpt-5-mini', fc.constantFrom('gpt-5-mini-2026-01-01', undefined)),
  reasons: often(['stop'], fc.constantFrom<string[]>([], ['length'], ['stop', 'length'])),
  responseId: often<string | undefined>('chatcmpl-1', fc.constantFrom('chatcmpl-2', undefined)),
  upstreamId: often<string | undefined>('req_1', fc.constantFrom('req_2', undefined)),
  httpStatus: often(200, fc.constant(201)),
  rate: often(1, fc.constantFrom(0.25, 0.5)),
});

export type PlainRequest = typeof requests extends fc.Arbitrary<infer T> ? T : never;

export function made(one: PlainRequest): Finished {
  const tried = attempt(one.candidate, 0.2, one.took, {
    kind: one.kind,
    settlement: settled(one.usage, one.cost, one.source),
    serviceTier: one.tier,
    askedTier: one.askedTier,
    responseModel: one.answered,
    finishReasons: one.reasons,
    responseId: one.responseId,
    upstreamRequestId: one.upstreamId,
    httpStatus: one.httpStatus,
  });
  return finished({
    headers: one.length === undefined ? { 'content-length': undefined } : { 'content-length': one.length },
    method: one.method,
    path: one.path,
    asked: one.asked,
    facts: one.facts,
    operation: one.operation,
    route: one.route,
    attempts: Array.from({ length: one.attempts }, () => tried),
    committed: one.committed,
    warnings: one.warnings,
    outcome: {
      status: one.status,
      streamed: one.streamed,
      cancelled: one.cancelled,
      responseBytes: one.bytes,
    },
    end: one.took,
  });
}
