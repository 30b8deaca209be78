/** What the rules of a render give to an account, one right at a time. */
import type { Asked } from './recording-proxy.ts';
import type { Manifest } from './renders.ts';

export interface Right {
  /** Undefined: everywhere. */
  namespace: string | undefined;
  group: string;
  resource: string;
  /** Undefined: whatever the name. */
  name: string | undefined;
  verb: string;
}

interface Rule {
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
  verbs: string[];
}

export function rightsOf(objects: readonly Manifest[], account: string): Right[] {
  const bindings = objects.filter(
    ({ kind, subjects }) =>
      kind.endsWith('RoleBinding') && subjects.some(({ name }: { name: string }) => name === account),
  );
  return bindings.flatMap(({ kind, roleRef, metadata }) => {
    const namespace = kind === 'RoleBinding' ? metadata.namespace : undefined;
    const role = objects.find(
      (object) =>
        object.kind === roleRef.kind &&
        object.metadata.name === roleRef.name &&
        object.metadata.namespace === namespace,
    );
    return ((role?.rules ?? []) as Rule[]).flatMap((rule) => each(rule, namespace));
  });
}

function each(rule: Rule, namespace: string | undefined): Right[] {
  const { apiGroups = [''], resources = [], resourceNames = [undefined], nonResourceURLs = [], verbs } = rule;
  return verbs.flatMap((verb) => [
    ...nonResourceURLs.map((resource) => ({ namespace, group: '', resource, name: undefined, verb })),
    ...apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        resourceNames.map((name) => ({ namespace, group, resource, name, verb })),
      ),
    ),
  ]);
}

export const uses = (asked: Asked, right: Right): boolean =>
  asked.verb === right.verb &&
  asked.group === right.group &&
  asked.resource === right.resource &&
  (right.namespace === undefined || asked.namespace === right.namespace) &&
  (right.name === undefined || asked.name === right.name);

export const inText = ({ verb, group, resource, name, namespace }: Right): string =>
  `${verb} ${resource}${group && `.${group}`}${name === undefined ? '' : ` ${name}`}${namespace === undefined ? '' : ` in ${namespace}`}`;
