/** A golden case: a Namespace, a Pod, and now and then settings that differ from those of all cases. */
import { loadAll } from 'js-yaml';
import type { NamespaceFacts, Pod } from '../../../../operator/inject/pod.ts';
import { type InjectionSettings, readInjectionSettings } from '../../../../operator/inject/settings.ts';

export const SETTINGS = {
  version: '0.1.0',
  image: 'registry.example/outrider-sidecar:0.1.0',
  operatorUrl: 'https://outrider-operator.outrider-system.svc:8443',
  operatorNamespace: 'outrider-system',
};

export const settingsWith = (change: object = {}): InjectionSettings =>
  readInjectionSettings({ ...SETTINGS, ...change });

export interface Case {
  namespace: NamespaceFacts;
  pod: Pod;
  settings: InjectionSettings;
}

export function readCase(text: string): Case {
  const documents = loadAll(text) as { kind: string; metadata?: NamespaceFacts }[];
  const find = (kind: string) => documents.find((document) => document.kind === kind);
  const settings = find('Settings');
  const { kind: _, ...change } = settings ?? { kind: '' };
  const { name = 'shop', labels = {} } = find('Namespace')?.metadata ?? {};
  return {
    namespace: { name, labels },
    pod: find('Pod') as unknown as Pod,
    settings: settingsWith(change),
  };
}
