/** Every render is what a real API server takes: schemas, admission, Pod Security. */

import { expect, it } from 'vitest';
import { kinds } from '../../scripts/chart/plain-manifests.ts';
import type { KubeApiServer } from '../support/kube-apiserver.ts';
import { describeOnKube } from '../support/kube-suite.ts';
import { apply, call, collectionPath } from './support/api.ts';
import { CASES, golden, identity, type Manifest } from './support/renders.ts';

/** Kinds of others, which a bare API server does not have. */
const FOREIGN = /^(cert-manager\.io|monitoring\.coreos\.com)\//;

const RESTRICTED = {
  'pod-security.kubernetes.io/enforce': 'restricted',
  'pod-security.kubernetes.io/warn': 'restricted',
};

async function prepare(server: KubeApiServer): Promise<void> {
  for (const name of ['outrider-system', 'shop', 'search', 'platform']) {
    const made = await apply(server, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: RESTRICTED },
    });
    if (made.status > 201) throw new Error(made.body.message);
  }
}

describeOnKube('the chart on a real API server', prepare, (server) => {
  it.each(CASES)('takes every object of %s without a warning', async (name) => {
    const problems: string[] = [];
    for (const object of [...(name === 'default' ? kinds() : []), ...golden(name)]) {
      if (FOREIGN.test(object.apiVersion)) continue;
      const { status, body, warnings } = await apply(server(), object, 'dryRun=All');
      if (status > 201) problems.push(`${identity(object)}: ${status} ${body.message}`);
      problems.push(...warnings.map((warning) => `${identity(object)}: ${warning}`));
    }
    expect(problems).toEqual([]);
  });

  it.each(CASES)('makes pods of %s in a restricted namespace', async (name) => {
    const { spec } = golden(name).find(({ kind }) => kind === 'Deployment') as Manifest;
    const { metadata, spec: pod } = spec.template;
    // Nothing here makes the objects that admission would look up, and none of them matters to Pod Security.
    const { priorityClassName: _, ...own } = pod;
    const body = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'probe' }, spec: own };
    const path = '/api/v1/namespaces/outrider-system/pods?dryRun=All&fieldValidation=Strict';
    const { status, body: answer, warnings } = await call(server(), 'POST', path, body);
    expect({ status, message: answer.message, warnings }).toEqual({
      status: 201,
      message: undefined,
      warnings: [],
    });
  });

  it('injects by its policies, and what it injects is as restricted', async () => {
    const policies = golden('policy').filter(({ kind }) => kind.includes('AdmissionPolicy'));
    for (const object of policies) expect((await apply(server(), object)).status).toBe(201);
    const path = '/api/v1/namespaces/shop/pods?dryRun=All';
    const names = async () => {
      const { body } = await call(server(), 'POST', path, APP);
      return (body.spec?.initContainers ?? [body.message]).map(
        (container: { name: string }) => container.name,
      );
    };
    await expect.poll(names, { timeout: 20_000 }).toEqual(['outrider']);
    const { status, body, warnings } = await call(server(), 'POST', path, APP);
    expect({ status, warnings }).toEqual({ status: 201, warnings: [] });
    expect(body.spec.initContainers[0]).toMatchObject({
      image: 'docker.io/outrider/sidecar:0.1.0',
      restartPolicy: 'Always',
    });
    for (const object of policies) {
      await call(server(), 'DELETE', `${collectionPath(object)}/${object.metadata.name}`);
    }
  });
});

/** A pod that a restricted namespace takes. */
const APP = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'app', namespace: 'shop', labels: { 'outrider.dev/inject': 'true' } },
  spec: {
    serviceAccountName: 'app',
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'app',
        image: 'registry.example/app:1',
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
  },
};
