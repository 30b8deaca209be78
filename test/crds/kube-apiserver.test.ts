/** What the schemas promise, held against a real kube-apiserver. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KubeObject } from '../../crds/common.ts';
import { allCrds } from '../../crds/definitions.ts';
import { KINDS } from '../../crds/kinds.ts';
import { validateObject } from '../../crds/validate.ts';
import type { KubeApiServer } from '../support/kube-apiserver.ts';
import { installCrd, kubeRequest } from '../support/kube-request.ts';
import { describeOnKube } from '../support/kube-suite.ts';
import { damaged, objectOf } from './arbitrary.ts';
import { acceptedFixtures, rejectedFixtures } from './fixtures.ts';

const plurals = new Map(allCrds().map(({ spec }) => [spec.names.kind, spec.names.plural]));

/** A kind that is not ours is asked for as if it were. */
const objectsPath = ({ apiVersion, kind, metadata }: KubeObject) =>
  `/apis/${apiVersion}/namespaces/${metadata.namespace}/${plurals.get(kind) ?? `${kind.toLowerCase()}s`}`;

async function conditionsThatHold(server: KubeApiServer, path: string): Promise<string[]> {
  const { body } = await kubeRequest(server, 'GET', path);
  const { conditions } = body.status as { conditions: { type: string; status: string }[] };
  return conditions
    .filter(({ status }) => status === 'True')
    .map(({ type }) => type)
    .sort();
}

describeOnKube(
  'on a real kube-apiserver',
  async (server) => {
    for (const crd of allCrds()) await installCrd(server, crd);
  },
  (server) => {
    test.each(allCrds().map((crd) => ({ name: crd.metadata.name, crd })))(
      '$name is kept as it was written, and is structural',
      async ({ name, crd }) => {
        const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
        const { body } = await kubeRequest(server(), 'GET', path);
        expect(body.spec).toMatchObject(crd.spec);
        // Objects are served a little before the condition says so.
        await expect.poll(() => conditionsThatHold(server(), path)).toEqual(['Established', 'NamesAccepted']);
      },
    );

    test.each(acceptedFixtures())('accepts $name', async ({ object }) => {
      const url = `${objectsPath(object)}?fieldValidation=Strict`;
      const created = await kubeRequest(server(), 'POST', url, object);
      expect(created).toMatchObject({ status: 201, body: { spec: object.spec } });
      expect(created.body.spec).toEqual(object.spec);
    });

    test.each(acceptedFixtures().filter(({ object }) => object.status !== undefined))(
      'accepts the status of $name',
      async ({ object }) => {
        const url = `${objectsPath(object)}/${object.metadata.name}`;
        const { body } = await kubeRequest(server(), 'GET', url);
        expect(body.status).toBeUndefined();
        const { status } = object;
        const updated = await kubeRequest(server(), 'PUT', `${url}/status?fieldValidation=Strict`, {
          ...body,
          status,
        });
        expect(updated).toMatchObject({ status: 200, body: { status } });
        expect(validateObject(updated.body)).toEqual([]);
      },
    );

    test.each(rejectedFixtures())('rejects $name', async ({ object, path, message, apiserver }) => {
      const url = `${objectsPath(object)}?dryRun=All&fieldValidation=Strict`;
      const { status, body } = await kubeRequest(server(), 'POST', url, object);
      expect(status).toBeGreaterThanOrEqual(400);
      // The message of a rule is our own everywhere; an engine may word its complaint about a pattern differently.
      expect(body.message).toContain(apiserver ?? message.split(': error parsing regexp')[0]);
      const fields = body.details?.causes?.map(({ field }) => field) ?? [];
      expect(fields.length === 0 || fields.some((field) => path.startsWith(field))).toBe(true);
    });

    const random = KINDS.flatMap((kind) => [
      { what: kind.kind, objects: objectOf(kind) },
      { what: `damaged ${kind.kind}`, objects: objectOf(kind).chain(damaged) },
    ]);
    test.each(random)('agrees with the validator about random $what objects', async ({ objects }) => {
      await fc.assert(
        fc.asyncProperty(objects, async (object) => {
          const url = `${objectsPath(object)}?dryRun=All&fieldValidation=Strict`;
          const { status, body } = await kubeRequest(server(), 'POST', url, object);
          const judged = { accepted: validateObject(object).length === 0, message: body.message };
          expect(judged).toEqual({ accepted: status === 201, message: body.message });
        }),
        { numRuns: 60 },
      );
    });
  },
);
