/**
 * Injection without a webhook: policies that the API server carries out itself (Kubernetes 1.36 and newer). They are written from
 * the tables and templates that the webhook runs, and do the same; docs/reference/injection.md lists what differs.
 *
 * Three, because a mutating policy can neither refuse nor warn: one injects, one refuses what cannot be followed, one warns of
 * pods that are left alone. Each is bound twice, for the two ways of asking for a sidecar.
 *
 * Two things API servers of 1.36 do not survive or know are kept out of the expressions: a JSONPatch whose value is a list with
 * objects in it panics (lists are added empty and filled one by one), and `namespaceObject` is empty in matchConditions
 * (selectors of the bindings decide instead).
 */
import type { KubeObject } from '../../crds/common.ts';
import { ANNOTATIONS, type AnnotationRule, VALUE_NAMES } from './annotations.ts';
import { type CelVariable, celConcat, celString } from './cel.ts';
import { CONTAINER, VERSION_ANNOTATION } from './names.ts';
import { celProblems } from './problems.ts';
import { selectors } from './selection.ts';
import type { InjectionSettings } from './settings.ts';
import { celSkip } from './skips.ts';
import { STEPS } from './steps/steps.ts';

export interface PolicyOptions {
  settings: InjectionSettings;
  /** What the API server does with pods where it cannot carry a policy out; `Fail` unless told. */
  failurePolicy?: 'Fail' | 'Ignore';
  /** Names begin with it; `outrider-injection` unless told. */
  name?: string;
  labels?: Record<string, string>;
}

const API_VERSION = 'admissionregistration.k8s.io/v1';
const DEFAULT_NAME = 'outrider-injection';

/** Policies and their bindings, in an order to apply them in: what refuses is there before what injects. */
export function injectionPolicies(options: PolicyOptions): KubeObject[] {
  const { settings, failurePolicy = 'Fail', name = DEFAULT_NAME } = options;
  const common = {
    failurePolicy,
    matchConstraints: {
      resourceRules: [
        {
          apiGroups: [''],
          apiVersions: ['v1'],
          operations: ['CREATE'],
          resources: ['pods'],
          scope: 'Namespaced',
        },
      ],
    },
    variables: celVariables(settings),
  };
  const left = 'variables.skipped != "" || size(variables.problems) > 0';
  const validating = (suffix: string, expression: string, messageExpression: string, action: string) =>
    bound('Validating', `${name}-${suffix}`, options, {
      spec: { ...common, validations: [{ expression, messageExpression, reason: 'Invalid' }] },
      binding: { validationActions: [action] },
    });
  return [
    ...validating(
      'check',
      'variables.skipped != "" || size(variables.problems) == 0',
      'variables.problems.join("; ")',
      'Deny',
    ),
    ...validating('warning', 'variables.skipped == ""', 'variables.skipped', 'Warn'),
    ...bound('Mutating', name, options, {
      spec: {
        ...common,
        reinvocationPolicy: 'IfNeeded',
        mutations: [
          {
            patchType: 'JSONPatch',
            jsonPatch: {
              expression: `${left} ? [] :\n${celConcat(STEPS.map((step) => step.cel(settings)))}`,
            },
          },
        ],
      },
      binding: {},
    }),
  ];
}

function bound(
  type: 'Mutating' | 'Validating',
  name: string,
  { settings, labels }: PolicyOptions,
  { spec, binding }: { spec: object; binding: object },
): KubeObject[] {
  const kind = `${type}AdmissionPolicy`;
  const metadata = (own: string) => ({ name: own, ...(labels ? { labels } : {}) });
  const bindings = Object.entries(selectors(settings)).map(([way, matchResources]) => ({
    apiVersion: API_VERSION,
    kind: `${kind}Binding`,
    metadata: metadata(`${name}-${way}`),
    spec: { policyName: name, matchResources, ...binding },
  }));
  return [{ apiVersion: API_VERSION, kind, metadata: metadata(name), spec }, ...bindings];
}

/** What the rules and steps ask about a pod; the counterpart of `subject.ts`. */
function celVariables(settings: InjectionSettings): CelVariable[] {
  const { values, others } = celProblems(settings);
  const variable = (name: string, expression: string): CelVariable => ({ name, expression });
  return [
    variable('labels', 'object.metadata.?labels.orValue({})'),
    variable('annotations', 'object.metadata.?annotations.orValue({})'),
    variable('namespaceLabels', 'namespaceObject.metadata.?labels.orValue({})'),
    variable('inits', 'object.spec.?initContainers.orValue([])'),
    variable(
      'ours',
      `${celString(VERSION_ANNOTATION)} in variables.annotations && variables.inits.exists(c, c.name == ${celString(CONTAINER)})`,
    ),
    ...VALUE_NAMES.map((name) => {
      const { annotation, unset }: AnnotationRule = ANNOTATIONS[name];
      return variable(
        name,
        `variables.annotations[?${celString(annotation)}].orValue(${celString(unset(settings) ?? '')})`,
      );
    }),
    variable('skipped', celSkip()),
    variable('valueProblems', values),
    variable('problems', `size(variables.valueProblems) > 0 ? variables.valueProblems :\n${others}`),
  ];
}
