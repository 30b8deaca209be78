/** The chart's ways of injection are those of the operator, whatever the values: one table, three doors. */
import { describe, expect, it } from 'vitest';
import { injectionPolicies } from '../../operator/inject/policy.ts';
import {
  type InjectionSettings,
  readInjectionSettings,
  settingsHash,
} from '../../operator/inject/settings.ts';
import { webhookConfiguration } from '../../operator/inject/webhook-configuration.ts';
import { CASES, golden, identity, type Manifest } from './support/renders.ts';

const find = (objects: readonly Manifest[], kind: string, name: RegExp = /./): Manifest | undefined =>
  objects.find((object) => object.kind === kind && name.test(object.metadata.name));

function settingsOf(objects: readonly Manifest[]): InjectionSettings | undefined {
  const found = find(objects, 'ConfigMap', /-injection$/);
  return found && readInjectionSettings(JSON.parse(found.data['settings.json']));
}

const cases = CASES.map((name) => ({ name, objects: golden(name), settings: settingsOf(golden(name)) }));
const of = (kind: string) =>
  cases.flatMap(({ name, objects, settings }) => {
    const [found] = objects.filter((object) => object.kind === kind);
    return found && settings ? [{ name, objects, settings, found }] : [];
  });

describe.each(of('MutatingWebhookConfiguration'))('the webhook of $name', ({ objects, settings, found }) => {
  it('is the one that the operator means', () => {
    const service = find(objects, 'Service') as Manifest;
    const port = service.spec.ports.find(({ name }: { name: string }) => name === 'https-webhook').port;
    const { name, namespace = '' } = service.metadata;
    const meant = webhookConfiguration({
      settings,
      at: { service: { name, namespace, port } },
      failurePolicy: found.webhooks[0].failurePolicy,
      name: found.metadata.name,
      labels: found.metadata.labels ?? {},
    });
    expect(found).toEqual(meant);
    expect(settings.operatorUrl).toMatch(new RegExp(`^https://${name}\\.${namespace}\\.svc:`));
  });
});

describe.each(of('MutatingAdmissionPolicy'))('the policies of $name', ({ objects, settings, found }) => {
  it('are those that the operator means', () => {
    const meant = injectionPolicies({
      settings,
      failurePolicy: found.spec.failurePolicy,
      name: found.metadata.name,
      labels: found.metadata.labels ?? {},
    }) as Manifest[];
    const rendered = objects.filter(({ kind }) => kind.includes('AdmissionPolicy'));
    const sorted = meant.sort((a, b) => (identity(a) < identity(b) ? -1 : 1));
    expect(rendered).toEqual(sorted);
  });
});

it('covers both ways, and one with nothing', () => {
  expect(of('MutatingWebhookConfiguration').length).toBeGreaterThan(3);
  expect(of('MutatingAdmissionPolicy').map(({ name }) => name)).toEqual(['policy-everything', 'policy']);
  expect(cases.filter(({ settings }) => !settings).map(({ name }) => name)).toEqual(['bare']);
});

it('new settings make new replicas', () => {
  for (const { objects, settings } of cases) {
    const { annotations } = (find(objects, 'Deployment') as Manifest).spec.template.metadata;
    expect(annotations['checksum/injection']).toBe(settings && settingsHash(settings));
  }
});
