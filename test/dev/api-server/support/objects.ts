/** Random objects of the suite's Route, most of them wrong somewhere. */
import * as fc from 'fast-check';
import type { Json } from './client.ts';

/** Anything but a fraction, of which the real server complains in two voices. */
const junk: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(null, true, '', 'x', -1, 7, 5000, [], {}, ['x'], { x: 1 }, [null]),
  fc.string({ maxLength: 3 }),
);
/** `right` most of the time. */
const or = (right: fc.Arbitrary<Json>): fc.Arbitrary<Json> =>
  fc.oneof({ weight: 12, arbitrary: right }, { weight: 1, arbitrary: junk });
/** Members may be missing, and there may be one too many. */
const object = (members: Record<string, fc.Arbitrary<Json>>): fc.Arbitrary<Json> =>
  fc
    .tuple(
      fc.record(members, { requiredKeys: [] }),
      fc.oneof(
        { weight: 9, arbitrary: fc.constant({}) },
        { weight: 1, arbitrary: fc.constant({ extra: 1 }) },
      ),
    )
    .map(([known, extra]) => ({ ...known, ...extra }));
const list = (item: fc.Arbitrary<Json>, maxLength: number): fc.Arbitrary<Json> =>
  fc.array(item, { maxLength });

const name = or(fc.constantFrom('a', 'b', 'c', 'Upper', 'a'.repeat(64)));
const count = or(fc.integer({ min: -1, max: 1001 }));
const target = object({
  name,
  provider: or(object({ name })),
  weight: count,
  priority: count,
  set: or(list(or(object({ name, value: junk })), 3)),
});
const rule = object({
  name,
  strategy: or(object({ type: or(fc.constantFrom('Weighted', 'RoundRobin', 'Best')) })),
  tokens: or(object({ min: count, max: count })),
  on: or(list(or(fc.constantFrom('Connect', 'Timeout')), 3)),
  targets: or(list(or(target), 3)),
  stateful: name,
});
/** Of text: metadata of other types the real server fails to decode, and names no field. */
const labels = fc.dictionary(fc.constantFrom('a', 'b.c/d', '-', ''), fc.constantFrom('1', '', '-'), {
  maxKeys: 2,
});

export const randomRoute: fc.Arbitrary<Json> = object({
  metadata: fc.record({ name: fc.constantFrom('a', 'a.b', 'A', '-'), labels }, { requiredKeys: ['name'] }),
  spec: or(
    object({
      models: or(list(or(fc.constantFrom('m', 'n')), 9)),
      selector: or(
        object({ matchLabels: or(fc.dictionary(fc.constantFrom('a', 'b'), or(fc.constant('v')))) }),
      ),
      rules: or(list(or(rule), 3)),
    }),
  ),
}).map((made) => ({ apiVersion: 'conformance.outrider.dev/v1', kind: 'Route', ...made }));
