/** Reads a spec through its schema. What the schema does not know is told apart from what it finds wrong. */
import { API_VERSION, type KindDefinition, type KubeObject } from '../../crds/common.ts';
import { validateObject } from '../../crds/validate.ts';
import { sentence } from './problems.ts';
import { INVALID, UNSUPPORTED_FIELD } from './reasons.ts';

export type Parsed<Spec> = { ok: true; spec: Spec } | { ok: false; reason: string; message: string };

/** Values of any shape are stored deeper than a stack is, and everything after this may recurse. */
const MAX_LEVELS = 100;

/** Whoever asks remembers the answer with the object, of which every version is another. */
export function parseSpec<Spec>(kind: KindDefinition, object: KubeObject<Spec>): Parsed<Spec> {
  if (isDeeperThan(MAX_LEVELS, object.spec)) {
    const message = `spec is nested too deep: at most ${MAX_LEVELS} levels are read`;
    return { ok: false, reason: INVALID, message };
  }
  const outcome = kind.spec.safeParse(object.spec);
  const unknown = (outcome.error?.issues ?? []).flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => pathOf([...issue.path, key])) : [],
  );
  if (unknown.length > 0) {
    const [are, them] = unknown.length === 1 ? ['is', 'it'] : ['are', 'them'];
    return {
      ok: false,
      reason: UNSUPPORTED_FIELD,
      message: `${unknown.sort().join(', ')} ${are} not known to this operator, so nothing would enforce ${them}`,
    };
  }
  // Only the spec is judged: metadata is the API server's, status the operator's own.
  const { name } = object.metadata;
  const judged = { apiVersion: API_VERSION, kind: kind.kind, metadata: { name }, spec: object.spec };
  const problems = validateObject(judged).filter((p) => p.path.startsWith('spec'));
  // Schemas judge and change nothing, so what was judged is what was read, without a copy of it.
  if (outcome.success && problems.length === 0) return { ok: true, spec: object.spec as Spec };
  const message = sentence(
    problems.map(
      (p) => `${p.path}: ${p.message}${p.message.includes('(it is') || mayBeSecret(p) ? '' : shown(p.value)}`,
    ),
  );
  return { ok: false, reason: INVALID, message: message || 'spec does not fit its schema' };
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(levels - 1, member));
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}.${String(part)}`),
    'spec',
  );
}

/** People put keys into headers and URLs, although both refuse them; a condition must not spread them. */
function mayBeSecret({ path, value }: { path: string; value: unknown }): boolean {
  return /headers\[\d+\]\.value$/.test(path) || (typeof value === 'string' && value.includes('@'));
}

/** A list or an object would say less than its path does. */
function shown(value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return '';
  const text = JSON.stringify(value);
  return ` (it is ${text.length > 80 ? `${text.slice(0, 80)}…` : text})`;
}
