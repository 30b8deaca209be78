/**
 * Everything that can be said of manifests without a cluster: what the API server would refuse, and what the operator's own
 * compiler says of the objects together. There is no second evaluator.
 */
import type { KubeObject } from '../../crds/common.ts';
import type { LLMPolicy } from '../../crds/llmpolicy.ts';
import type { LLMProvider } from '../../crds/llmprovider.ts';
import type { LLMRoute } from '../../crds/llmroute.ts';
import { judgeManifests, type LocatedObject, type Manifests } from '../../crds/manifests.ts';
import type { ProblemSource } from '../../crds/problem.ts';
import { isOurs } from '../../crds/validate.ts';
import { compile } from '../../operator/compile/compile.ts';
import { fieldOf, partsOf } from '../../operator/compile/problems.ts';
import type { Resources, Verdict, VerdictCondition } from '../../operator/compile/types.ts';

export interface Finding {
  severity: 'Problem' | 'Warning';
  /** IO: a file that cannot be read. Verdict: what the operator would write into the object's status. */
  source: ProblemSource | 'IO' | 'Syntax' | 'Verdict';
  file: string;
  /** 1-based; 0 where the file as a whole is meant. */
  line: number;
  kind: string;
  namespace: string;
  name: string;
  path: string;
  value?: unknown;
  message: string;
  expected: string;
}

/** kubectl's namespace for manifests that name none. */
const DEFAULT_NAMESPACE = 'default';

export function judge(
  manifests: Manifests,
  options: { strict: boolean; platformNamespaces: readonly string[]; now: number },
): Finding[] {
  const unread = manifests.problems.map(
    (problem): Finding => ({
      severity: 'Problem',
      kind: '',
      namespace: '',
      name: '',
      path: '',
      expected: '',
      ...problem,
    }),
  );
  const problems = judgeManifests(manifests.objects);
  const broken = new Set(problems.map(({ kind, namespace, name }) => key(kind, namespace, name)));
  const alone = problems.map((problem): Finding => ({ severity: 'Problem', ...problem }));
  const unquoted = manifests.objects.flatMap(unquotedNames);
  return [...unread, ...alone, ...unquoted, ...together(manifests.objects, broken, options)];
}

/** Names of fields that mean something else to kubectl, so that the API server would refuse them. */
function unquotedNames({ object, file, lineOf, ambiguousKeys }: LocatedObject): Finding[] {
  if (!isOurs(object)) return [];
  return ambiguousKeys().map((path) => {
    const name = path.split('.').at(-1) ?? path;
    const expected = `"${name}", in quotes`;
    return {
      severity: 'Problem',
      source: 'Syntax',
      file,
      line: lineOf(path),
      kind: object.kind,
      namespace: object.metadata?.namespace ?? '',
      name: object.metadata?.name ?? '',
      path,
      message: `must be written ${expected}: kubectl reads an unquoted ${name} as a boolean`,
      expected,
    };
  });
}

/** What the compiler says of the objects together, leaving out what is already known to be wrong with one alone. */
function together(
  objects: readonly LocatedObject[],
  broken: ReadonlySet<string>,
  options: { strict: boolean; platformNamespaces: readonly string[]; now: number },
): Finding[] {
  const places = new Map<string, LocatedObject>();
  const resources = {
    routes: [],
    providers: [],
    policies: [],
    secrets: [],
    namespaces: [],
    pods: [],
  } as Collected;
  for (const located of objects) collect(located, resources, places);
  const findings: Finding[] = [];
  for (const verdict of compile(resources, options).verdicts) {
    const place = places.get(key(verdict.kind, verdict.namespace, verdict.name));
    const { kind, metadata } = place?.object ?? { kind: '', metadata: { name: '' } };
    if (!place || broken.has(key(kind, metadata.namespace ?? '', metadata.name))) continue;
    for (const condition of verdict.conditions) {
      const severity = severityOf(condition, options.strict);
      if (!severity) continue;
      for (const part of partsOf(condition.message))
        findings.push(findingOf(verdict, { ...condition, message: part }, severity, place));
    }
  }
  return findings;
}

type Collected = { [K in keyof Resources]-?: NonNullable<Resources[K]>[number][] };

function collect(located: LocatedObject, resources: Collected, places: Map<string, LocatedObject>): void {
  const { apiVersion, kind, metadata } = located.object;
  if (typeof metadata?.name !== 'string') return;
  const namespace = metadata.namespace ?? DEFAULT_NAMESPACE;
  const object: KubeObject = { ...located.object, metadata: { ...metadata, namespace } };
  if (isOurs(object)) {
    if (kind !== 'LLMRoute' && kind !== 'LLMProvider' && kind !== 'LLMPolicy') return;
    places.set(key(kind, namespace, metadata.name), located);
    if (kind === 'LLMProvider') {
      resources.providers.push(object as LLMProvider);
      return;
    }
    if (kind === 'LLMPolicy') {
      resources.policies.push(object as LLMPolicy);
      return;
    }
    resources.routes.push(object as LLMRoute);
    // A pod without labels stands for all: of the routes that select every pod, it shows which one answers.
    if (!resources.pods.some((pod) => pod.namespace === namespace)) {
      resources.pods.push({ namespace, name: 'any', uid: namespace, labels: {} });
    }
  } else if (apiVersion === 'v1' && kind === 'Secret') {
    resources.secrets.push(object);
  } else if (apiVersion === 'v1' && kind === 'Namespace') {
    resources.namespaces.push({ name: metadata.name, labels: metadata.labels ?? {} });
  }
}

/** Undefined: nothing to say. What is not in the files may well be in the cluster, so it is a warning unless `strict`. */
function severityOf(condition: VerdictCondition, strict: boolean): Finding['severity'] | undefined {
  const { type, status, reason } = condition;
  if (type === 'Accepted' && status === 'False') return 'Problem';
  const doubtful =
    (type === 'ResolvedRefs' && status === 'False') ||
    (type === 'Conflicted' && status === 'True') ||
    (type === 'Accepted' && reason !== 'Accepted');
  if (!doubtful) return undefined;
  return strict ? 'Problem' : 'Warning';
}

function findingOf(
  verdict: Verdict,
  condition: VerdictCondition,
  severity: Finding['severity'],
  place: LocatedObject,
): Finding {
  return {
    severity,
    source: 'Verdict',
    file: place.file,
    line: place.lineOf(placeOf(condition)),
    kind: verdict.kind,
    namespace: verdict.namespace,
    name: verdict.name,
    path: '',
    message: `${condition.type} would be ${condition.status} (${condition.reason}): ${condition.message}`,
    expected: `${condition.type} ${condition.type === 'Conflicted' ? 'False' : 'True'}`,
  };
}

/** Messages of verdicts begin with the field they are about, where it is one. */
function placeOf({ type, message }: VerdictCondition): string {
  if (type === 'Conflicted') return 'spec.models';
  return fieldOf(message) ?? 'spec';
}

const key = (...parts: string[]): string => JSON.stringify(parts);
