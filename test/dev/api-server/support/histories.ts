/** Random histories of one object: appliers, updaters and patches that share, fight over and let go of its fields. */
import * as fc from 'fast-check';
import type { Ask, Client, Exchange, Json } from './client.ts';
import { provider } from './scenario.ts';
import { Namer, normalise } from './transcript.ts';

const name = fc.constantFrom('a', 'b', 'c');
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });

const credential = fc.record(
  { name, type: fc.constant('None'), weight: fc.integer({ min: 0, max: 2 }) },
  { requiredKeys: ['name', 'type'] },
);
const model = fc.record(
  { name, capabilities: fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { maxLength: 3 }) },
  { requiredKeys: ['name'] },
);
const keyed = <T extends { name: string }>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.uniqueArray(item, { selector: (one) => one.name, maxLength: 3 });

/** What somebody may say of a Provider of the suite. An empty map of labels is written or not by the clock. */
const said = fc.record({
  labels: optional(
    fc.dictionary(fc.constantFrom('l', 'm'), fc.constantFrom('1', '2'), { minKeys: 1, maxKeys: 2 }),
  ),
  usage: optional(fc.constantFrom('Always', 'Never')),
  url: optional(fc.constantFrom('u', 'v')),
  credentials: optional(keyed(credential)),
  models: optional(keyed(model)),
});

const step = fc.record({
  how: fc.constantFrom('apply', 'apply', 'force', 'merge', 'put', 'status'),
  manager: fc.constantFrom('one', 'two', 'three'),
  said,
});
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
export const history: fc.Arbitrary<Step[]> = fc.array(step, { minLength: 2, maxLength: 8 });

const without = (object: Json): Json => JSON.parse(JSON.stringify(object));

/** Plays a history on an object and answers everything that was said, in normal form. */
export async function play(client: Client, path: string, id: string, steps: Step[]): Promise<Exchange[]> {
  const exchanges: Exchange[] = [];
  const namer = new Namer();
  client.recorder = (exchange) => {
    exchanges.push(normalise(structuredClone(exchange), namer));
  };
  for (const { how, manager, said } of steps) {
    const { labels, ...spec } = said;
    const object = without(provider(id, spec, { labels }));
    const at = `${path}/${id}`;
    const query = `fieldManager=${manager}`;
    const type = 'application/apply-patch+yaml';
    const { apiVersion, kind } = object;
    const status = {
      apiVersion,
      kind,
      metadata: { name: id },
      status: { observedGeneration: labels ? 1 : 2 },
    };
    const asks: Record<string, Ask> = {
      apply: { method: 'PATCH', path: `${at}?${query}`, type, body: object },
      force: { method: 'PATCH', path: `${at}?${query}&force=true`, type, body: object },
      merge: {
        method: 'PATCH',
        path: `${at}?${query}`,
        type: 'application/merge-patch+json',
        body: { metadata: { labels: labels ?? null }, spec: without(spec) },
      },
      put: { method: 'PUT', path: `${at}?${query}`, body: await present(client, at, object) },
      status: { method: 'PATCH', path: `${at}/status?${query}&force=true`, type, body: status },
    };
    await client.send(asks[how] as Ask);
  }
  client.recorder = undefined;
  return exchanges;
}

/** `object` under the version that is there now, so that a PUT is accepted. */
async function present(client: Client, path: string, object: Json): Promise<Json> {
  const { recorder } = client;
  client.recorder = undefined;
  const { body } = await client.get(path);
  client.recorder = recorder;
  const { resourceVersion } = body.metadata;
  return resourceVersion ? { ...object, metadata: { ...object.metadata, resourceVersion } } : object;
}
