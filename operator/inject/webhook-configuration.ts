/** What the API server has to know to call the webhook: about which pods, where, and what happens when nobody answers. */
import type { KubeObject } from '../../crds/common.ts';
import { selectors } from './selection.ts';
import type { InjectionSettings } from './settings.ts';
import { PATHS } from './webhook.ts';

export interface WebhookConfigurationOptions {
  settings: InjectionSettings;
  /** Where the webhook is; a URL only where the operator runs outside the cluster. */
  at: { service: { namespace: string; name: string; port: number } } | { url: string };
  /** PEM of who signs its certificate; unset: whoever patches it in later. */
  caBundle?: string;
  /** What the API server does with pods while nobody answers; `Fail` unless told. */
  failurePolicy?: 'Fail' | 'Ignore';
  /** `outrider-injection` unless told. */
  name?: string;
  labels?: Record<string, string>;
}

const TIMEOUT_SECONDS = 5;

export function webhookConfiguration(options: WebhookConfigurationOptions): KubeObject {
  const { settings, at, caBundle, failurePolicy = 'Fail', name = 'outrider-injection', labels } = options;
  const ca = caBundle === undefined ? {} : { caBundle: Buffer.from(caBundle).toString('base64') };
  const clientConfig = (path: string) =>
    'url' in at ? { url: at.url + path, ...ca } : { service: { ...at.service, path }, ...ca };
  const ways = selectors(settings);
  const webhooks = (['namespace', 'pod'] as const).map((way) => ({
    name: `${way}.injection.outrider.dev`,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    // Others may add containers after us, which want their variables, or a mesh that we have to make way for.
    reinvocationPolicy: 'IfNeeded',
    matchPolicy: 'Equivalent',
    failurePolicy,
    timeoutSeconds: TIMEOUT_SECONDS,
    clientConfig: clientConfig(PATHS[way]),
    rules: [
      {
        apiGroups: [''],
        apiVersions: ['v1'],
        operations: ['CREATE'],
        resources: ['pods'],
        scope: 'Namespaced',
      },
    ],
    ...ways[way],
  }));
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name, ...(labels ? { labels } : {}) },
    webhooks,
  } as KubeObject;
}
