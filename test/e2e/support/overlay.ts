/** A kustomization over deploy/: one namespace whose labelled Secrets may be read. */
import { dump } from 'js-yaml';

/** @returns content by file name */
export function overlay(credentials: string, deploy: string): [string, string][] {
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [deploy, 'credentials.yaml'],
    patches: [
      {
        target: { kind: 'Deployment', name: 'outrider' },
        patch: JSON.stringify([
          {
            op: 'add',
            path: '/spec/template/spec/containers/0/env/-',
            value: { name: 'OUTRIDER_CREDENTIALS_NAMESPACES', value: credentials },
          },
        ]),
      },
    ],
  };
  return [
    ['kustomization.yaml', dump(kustomization)],
    [
      'credentials.yaml',
      rights(credentials)
        .map((object) => dump(object))
        .join('---\n'),
    ],
  ];
}

function rights(namespace: string): object[] {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const metadata = { name: 'outrider-credentials', namespace };
  return [
    {
      apiVersion,
      kind: 'Role',
      metadata,
      rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['list', 'watch'] }],
    },
    {
      apiVersion,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: 'outrider', namespace: 'outrider-system' }],
    },
  ];
}
