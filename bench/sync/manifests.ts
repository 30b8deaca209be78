/** What the sync bench writes to the API. */
import type { KubeObject } from '../../crds/common.ts';

export const NAMESPACE = 'bench';

export function provider(): KubeObject {
  return {
    apiVersion: 'outrider.dev/v1alpha1',
    kind: 'LLMProvider',
    metadata: { name: 'vendor', namespace: NAMESPACE },
    spec: {
      type: 'OpenAICompatible',
      endpoint: { url: 'http://127.0.0.1:9/v1' },
      credentials: [{ name: 'main', type: 'APIKey', secretRef: { name: 'keys', key: 'api-key' } }],
    },
  };
}

export function secret(version: number): KubeObject & { data: Record<string, string> } {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: 'keys',
      namespace: NAMESPACE,
      labels: { 'outrider.dev/provider-credential': 'true' },
    },
    data: { 'api-key': Buffer.from(`sk-${version}`).toString('base64') },
  };
}

/** A route as teams write them: two rules, three targets. */
export function route(name: string, version: number): KubeObject {
  const target = (model: string, priority: number) => ({
    name: `p${priority}`,
    provider: { name: 'vendor' },
    model,
    priority,
    weight: 10,
  });
  return {
    apiVersion: 'outrider.dev/v1alpha1',
    kind: 'LLMRoute',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      models: [name],
      rules: [
        {
          name: 'long',
          matches: [{ prompt: { tokens: { min: 1_000 + version } } }],
          targets: [target('large', 0)],
        },
        { name: 'all', targets: [target('small', 0), target('large', 1)] },
      ],
    },
  };
}
