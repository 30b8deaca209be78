/** What the operator's ServiceAccount must be allowed to, part by part, and nothing else. */

export const OPERATOR_ACCOUNT = 'outrider';

interface Right {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
  resourceNames?: string[];
}

/** Everywhere: what it watches and what it writes back. */
const CLUSTER: Right[] = [
  {
    apiGroups: ['outrider.dev'],
    resources: ['llmroutes', 'llmproviders', 'llmpolicies'],
    verbs: ['list', 'watch'],
  },
  {
    apiGroups: ['outrider.dev'],
    resources: ['llmroutes/status', 'llmproviders/status', 'llmpolicies/status'],
    verbs: ['patch'],
  },
  { apiGroups: [''], resources: ['pods', 'namespaces'], verbs: ['list', 'watch'] },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'get', 'patch'] },
  { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
  {
    apiGroups: ['admissionregistration.k8s.io'],
    resources: ['mutatingwebhookconfigurations'],
    resourceNames: ['outrider-injection'],
    verbs: ['list', 'watch', 'patch'],
  },
];

/** In its own namespace: the Lease, which exists, the Secret with its certificates, and the ledger. */
const OWN: Right[] = [
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    resourceNames: ['outrider'],
    verbs: ['get', 'update'],
  },
  {
    apiGroups: [''],
    resources: ['secrets'],
    resourceNames: ['outrider-tls'],
    verbs: ['get', 'list', 'watch', 'update'],
  },
  { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
  { apiGroups: [''], resources: ['configmaps'], verbs: ['create', 'get', 'list', 'update', 'delete'] },
];

/** Where credentials are read. */
const CREDENTIALS: Right[] = [{ apiGroups: [''], resources: ['secrets'], verbs: ['list', 'watch'] }];

export function operatorRights(own: string): { path: string; object: object }[] {
  const subjects = [{ kind: 'ServiceAccount', name: OPERATOR_ACCOUNT, namespace: own }];
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const root = `/apis/${apiVersion}`;
  const bind = (kind: 'Role' | 'ClusterRole', name: string) => ({
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
    subjects,
  });
  const inNamespace = (namespace: string, name: string, rules: Right[]) => [
    {
      path: `${root}/namespaces/${namespace}/roles`,
      object: { apiVersion, kind: 'Role', metadata: { name, namespace }, rules },
    },
    {
      path: `${root}/namespaces/${namespace}/rolebindings`,
      object: { apiVersion, kind: 'RoleBinding', metadata: { name, namespace }, ...bind('Role', name) },
    },
  ];
  const everywhere = (name: string, role: string) => ({
    path: `${root}/clusterrolebindings`,
    object: { apiVersion, kind: 'ClusterRoleBinding', metadata: { name }, ...bind('ClusterRole', role) },
  });
  return [
    {
      path: `/api/v1/namespaces/${own}/serviceaccounts`,
      object: {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: OPERATOR_ACCOUNT, namespace: own },
      },
    },
    {
      path: `${root}/clusterroles`,
      object: { apiVersion, kind: 'ClusterRole', metadata: { name: 'outrider' }, rules: CLUSTER },
    },
    everywhere('outrider', 'outrider'),
    // The keys that sign the sidecars' tokens.
    everywhere('outrider-keys', 'system:service-account-issuer-discovery'),
    ...inNamespace(own, 'outrider', OWN),
    ...inNamespace('shop', 'outrider-credentials', CREDENTIALS),
  ];
}
