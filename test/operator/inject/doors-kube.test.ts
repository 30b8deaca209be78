import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { load } from 'js-yaml';
import { afterAll, expect, it } from 'vitest';
import { refusal } from '../../../operator/inject/problems.ts';
import { skipMessage } from '../../../operator/inject/skips.ts';
import type { KubeApiServer } from '../../support/kube-apiserver.ts';
import { describeOnKube } from '../../support/kube-suite.ts';
import { type Case, readCase, settingsWith } from './support/case.ts';
import { type Answer, type Door, Doors } from './support/doors.ts';
import { pod } from './support/random-pods.ts';

const FOLDER = path.join(import.meta.dirname, 'golden');
const CASES = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.in.yaml'))
  .map((file) => {
    const name = file.slice(0, -'.in.yaml'.length);
    const out = load(readFileSync(path.join(FOLDER, `${name}.out.yaml`), 'utf8'));
    return { name, ...readCase(readFileSync(path.join(FOLDER, file), 'utf8')), out: out as Outcome };
  });
/** The first ones are those of most cases. */
const SETTINGS = [settingsWith(), ...CASES.map(({ settings }) => settings)].filter(
  (settings, i, all) => all.findIndex((other) => isDeepStrictEqual(other, settings)) === i,
);
const placeOf = ({ settings }: Case) => SETTINGS.findIndex((other) => isDeepStrictEqual(other, settings));

type Outcome =
  | { kind: 'Pod' }
  | { kind?: undefined; outcome: 'Skipped'; message: string }
  | { kind?: undefined; outcome: 'Refused'; problems: string[] }
  | { kind?: undefined; outcome: 'NotWanted' };

let doors: Doors;

async function prepare(server: KubeApiServer): Promise<void> {
  doors = new Doors(server);
  await doors.open(SETTINGS);
}

const made = new Map<string, string>();

/** Namespaces of the cluster keep their names, and change sides; cases with equal labels share one of their own. */
async function namespaceFor(door: Door, golden: Case): Promise<string> {
  const { name, labels } = golden.namespace;
  const key = JSON.stringify([door, placeOf(golden), name, labels]);
  const known = made.get(key);
  if (known !== undefined && name === 'shop') return known;
  const own = name === 'shop' ? `${door}-${made.size}` : name;
  await doors.namespace(own, labels, door, placeOf(golden));
  made.set(key, own);
  return own;
}

/** What the server makes of the pod that the golden case says is right, where nobody injects. */
async function wanted(golden: Case, out: Outcome): Promise<Answer> {
  const nowhere = await namespaceFor('none', { ...golden, namespace: { name: 'shop', labels: {} } });
  return doors.create(out.kind === 'Pod' ? out : golden.pod, nowhere);
}

/** In short: what a person is told, whichever door says it, and the pod. */
function shown({ status, body, warnings }: Answer, out: Outcome) {
  return {
    status,
    ...(status < 300 ? { pod: body } : {}),
    told: [...warnings, ...(status < 300 ? [] : [body.message ?? ''])].filter((text) =>
      text.includes(toldOf(out)),
    ).length,
  };
}

function toldOf(out: Outcome): string {
  if (out.kind === 'Pod' || out.outcome === 'NotWanted') return 'nothing is told';
  return out.outcome === 'Skipped' ? skipMessage(out) : refusal(out.problems);
}

describeOnKube('both doors of injection on a real API server', prepare, () => {
  afterAll(() => doors.close());

  it.each(CASES)('$name', async ({ out, ...golden }) => {
    const plain = await wanted(golden, out);
    expect(plain).toMatchObject({ status: 201 });
    const outcome = out.kind === 'Pod' ? 'Injected' : out.outcome;
    const right =
      outcome === 'Refused'
        ? { status: 422, told: 1 }
        : { status: 201, pod: plain.body, told: outcome === 'Skipped' ? 1 : 0 };
    for (const door of ['webhook', 'policy'] as const) {
      const answer = await doors.create(golden.pod, await namespaceFor(door, golden));
      expect({ door, ...shown(answer, out) }).toEqual({ door, ...right });
    }
  });

  it('say the same of pods of all sorts', async () => {
    const namespace = { name: 'shop', labels: { 'outrider.dev/injection': 'enabled' } };
    const golden = { namespace, pod: { metadata: {}, spec: { containers: [] } }, settings: settingsWith() };
    const seen = new Set<number>();
    for (const { metadata, spec } of fc.sample(pod, 120)) {
      const inits = spec.initContainers?.filter(({ name }) =>
        spec.containers.every((each) => each.name !== name),
      );
      // No name of an annotation on a real server.
      delete metadata.annotations?.['example.com/a~b'];
      const own = { ...spec, ...(inits ? { initContainers: inits } : {}), serviceAccountName: 'app' };
      const given = { apiVersion: 'v1', kind: 'Pod', metadata, spec: own };
      const answers: Answer[] = [];
      for (const door of ['webhook', 'policy'] as const) {
        answers.push(await doors.create(given, await namespaceFor(door, golden)));
      }
      const [byWebhook, byPolicy] = answers.map(({ status, body }) => ({
        given,
        status,
        // The doors name themselves before they say why.
        answer: status < 300 ? body : body.message?.replace(/^.*denied (the )?request: /, ''),
      }));
      expect(byPolicy).toEqual(byWebhook);
      seen.add(byWebhook?.status ?? 0);
    }
    expect(seen).toEqual(new Set([201, 422]));
  });
});
