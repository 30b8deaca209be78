/**
 * PURE: what counts of manifests on disk, given what counted before.
 *
 * A file that cannot be read keeps the objects it had; an object that is not valid keeps its last valid version. So a
 * mistake while editing changes nothing but the list of problems.
 */
import type { KubeObject } from '../../crds/common.ts';
import { judgeManifests, type LocatedObject, type Manifests } from '../../crds/manifests.ts';
import { isOurs } from '../../crds/validate.ts';

/** What is wrong, and where. */
export interface FileProblem {
  file: string;
  /** 1-based; 0 where the file as a whole is meant. */
  line: number;
  /** `LLMRoute shop/assistant spec.rules[0]` or empty. */
  subject: string;
  message: string;
}

export interface ManifestObject {
  object: KubeObject;
  file: string;
  lineOf: (path?: string) => number;
}

export interface ManifestSet {
  /** By kind, namespace and name. */
  objects: ReadonlyMap<string, ManifestObject>;
  problems: FileProblem[];
}

export const EMPTY_SET: ManifestSet = { objects: new Map(), problems: [] };

const READ_KINDS = new Set(['Secret', 'Namespace']);
const MAX_PROBLEMS = 1000;

export function nextManifests(before: ManifestSet, read: Manifests, defaultNamespace: string): ManifestSet {
  const relevant = read.objects.filter(({ object }) => isOurs(object) || isRead(object));
  const judged = judgeManifests(relevant);
  const problems: FileProblem[] = [
    ...read.problems.map(({ file, line, message }) => ({ file, line, subject: '', message })),
    ...judged.map(({ file, line, kind, namespace, name, path, message }) => ({
      file,
      line,
      subject: [kind, namespace ? `${namespace}/${name}` : name, path].filter(Boolean).join(' '),
      message,
    })),
  ].slice(0, MAX_PROBLEMS);
  const invalid = new Set(
    judged.map(({ file, kind, namespace, name }) => `${file} ${kind} ${namespace}/${name}`),
  );

  const objects = new Map<string, ManifestObject>();
  for (const { file } of read.problems) {
    for (const [key, old] of before.objects) if (isIn(old.file, file)) objects.set(key, old);
  }
  for (const located of relevant) {
    const object = placed(located.object, defaultNamespace);
    if (!object) continue;
    const key = keyOf(object);
    const { kind, metadata } = located.object;
    const bad = invalid.has(`${located.file} ${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
    const old = before.objects.get(key);
    objects.set(
      key,
      bad && old?.file === located.file ? old : located.object === object ? located : { ...located, object },
    );
  }
  return { objects, problems };
}

/** Whether a file that counted is what a problem is about: the file itself, or one below a directory. */
function isIn(file: string, where: string): boolean {
  return file === where || file.startsWith(where.endsWith('/') ? where : `${where}/`);
}

function isRead({ apiVersion, kind }: LocatedObject['object']): boolean {
  return apiVersion === 'v1' && READ_KINDS.has(kind);
}

/** With a namespace; undefined for what has no usable name to know it by. */
function placed(object: KubeObject, defaultNamespace: string): KubeObject | undefined {
  const { name, namespace } = object.metadata ?? {};
  if (typeof name !== 'string' || name === '' || typeof object.kind !== 'string') return undefined;
  if (object.kind === 'Namespace' || (typeof namespace === 'string' && namespace !== '')) return object;
  return { ...object, metadata: { ...object.metadata, namespace: defaultNamespace } };
}

export function keyOf({ kind, metadata: { namespace, name } }: KubeObject): string {
  return `${kind} ${namespace ?? ''}/${name}`;
}
