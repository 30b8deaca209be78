/**
 * Reads manifests: files and directories of YAML and JSON, several documents in a file, `List` kinds.
 *
 * Every object knows its file and the line of each of its fields, so that whatever is found wrong with it later can name the
 * place.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { KubeObject } from './common.ts';
import { parseDocuments } from './manifests/parse.ts';
import { dropNulls } from './nulls.ts';
import { formatPath, type Problem } from './problem.ts';
import { validateObject } from './validate.ts';

export interface LocatedObject {
  /** Without the nulls that the API server would drop. */
  object: KubeObject;
  file: string;
  /** 1-based line of a field such as `spec.rules[0].name`, or of the nearest field around it that is there. */
  lineOf: (path?: string) => number;
  /** Paths of fields whose unquoted name kubectl reads as true or false; YAML 1.1 says so of `on`, `y`, `no` and the like. */
  ambiguousKeys: () => readonly string[];
}

/** A file that cannot be read (IO), or whose text or shape is no manifest (Syntax). */
interface ManifestProblem {
  source: 'IO' | 'Syntax';
  file: string;
  /** 1-based; 0 where the file as a whole is meant. */
  line: number;
  message: string;
}

export type LocatedProblem = Problem & { file: string; line: number };

export interface Manifests {
  /** In the order of the files, and within a file in the order of its documents. */
  objects: LocatedObject[];
  problems: ManifestProblem[];
}

const MAX_FILE_BYTES = 16 * 1024 * 1024;
const MAX_FILES = 10_000;
const MAX_OBJECTS = 100_000;
const MAX_PROBLEMS = 100;

/**
 * Reads the named files, and every `.yaml`, `.yml` and `.json` file below the named directories in the order of their names.
 * Hidden files and directories are left out, links to directories are not followed. A file that cannot be read or parsed gives
 * a problem and no objects: half a file would look as if the rest had been deleted.
 */
export async function readManifests(paths: readonly string[]): Promise<Manifests> {
  const found: Manifests = { objects: [], problems: [] };
  const files: string[] = [];
  for (const named of paths) {
    try {
      if ((await stat(named)).isDirectory()) await walk(named, files);
      else files.push(named);
    } catch (error) {
      found.problems.push(ioProblem(named, error));
    }
  }
  const unique = [...new Set(files)];
  if (unique.length > MAX_FILES) {
    found.problems.push(ioProblem(unique[MAX_FILES] as string, new Error(`more than ${MAX_FILES} files`)));
  }
  for (const file of unique.slice(0, MAX_FILES)) {
    const manifests = await readManifest(file);
    found.objects.push(...manifests.objects);
    found.problems.push(...manifests.problems);
  }
  return found;
}

async function readManifest(file: string): Promise<Manifests> {
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) throw new Error(`the file is larger than ${MAX_FILE_BYTES} bytes`);
    return parseManifests(await readFile(file, 'utf8'), file);
  } catch (error) {
    return { objects: [], problems: [ioProblem(file, error)] };
  }
}

/** The text of one file; `file` is what objects and problems are said to be in. */
export function parseManifests(text: string, file: string): Manifests {
  const { documents, problem } = parseDocuments(text);
  if (problem) return { objects: [], problems: [{ source: 'Syntax', file, ...problem }] };
  const found: Manifests = { objects: [], problems: [] };
  const add = (value: unknown, place: Omit<LocatedObject, 'object' | 'file'>): void => {
    if (found.objects.length >= MAX_OBJECTS || found.problems.length >= MAX_PROBLEMS) return;
    const list = itemsOfList(value);
    if (list) {
      list.forEach((item, i) => add(item, within(formatPath(['items', i]), place)));
    } else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      found.objects.push({ object: dropNulls(value as KubeObject), file, ...place });
      if (found.objects.length === MAX_OBJECTS) {
        const message = `the file holds ${MAX_OBJECTS} objects or more; split it`;
        found.problems.push({ source: 'Syntax', file, line: place.lineOf(), message });
      }
    } else {
      const message = 'is not a Kubernetes object: a mapping with apiVersion, kind and metadata';
      found.problems.push({ source: 'Syntax', file, line: place.lineOf(), message });
    }
  };
  for (const document of documents) {
    const { value, lineOf, ambiguousKeys } = document;
    add(value, { lineOf: (at = '') => lineOf(at), ambiguousKeys });
  }
  return found.problems.length > 0 ? { objects: [], problems: found.problems } : found;
}

/**
 * Problems of each object, with their places; and objects that are there twice, of which the API server would keep the last.
 * Sorted by file as given, then line.
 */
export function judgeManifests(objects: readonly LocatedObject[]): LocatedProblem[] {
  const seen = new Map<string, LocatedObject>();
  const problems: LocatedProblem[] = [];
  const order = new Map<string, number>();
  for (const located of objects) {
    const { object, file, lineOf } = located;
    if (!order.has(file)) order.set(file, order.size);
    const found = validateObject(object);
    for (const problem of found) problems.push({ ...problem, file, line: lineOf(problem.path) });
    if (found.length > 0) continue;
    const { name, namespace = '' } = object.metadata;
    const key = JSON.stringify([object.apiVersion.split('/')[0], object.kind, namespace, name]);
    const first = seen.get(key);
    if (!first) {
      seen.set(key, located);
      continue;
    }
    const expected = 'a name that no other object of its kind and namespace has';
    problems.push({
      source: 'Schema',
      kind: object.kind,
      namespace,
      name,
      path: 'metadata.name',
      value: name,
      message: `is there already in ${first.file}:${first.lineOf('metadata.name')}; must be ${expected}`,
      expected,
      file,
      line: lineOf('metadata.name'),
    });
  }
  return problems.sort((a, b) => (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0) || a.line - b.line);
}

/** Places in one entry of a list, by paths that begin at the entry. */
function within(
  prefix: string,
  { lineOf, ambiguousKeys }: Omit<LocatedObject, 'object' | 'file'>,
): Omit<LocatedObject, 'object' | 'file'> {
  return {
    lineOf: (at = '') => lineOf(at === '' || at.startsWith('[') ? prefix + at : `${prefix}.${at}`),
    ambiguousKeys: () =>
      ambiguousKeys()
        .filter((path) => path.startsWith(prefix))
        .map((path) => path.slice(prefix.length).replace(/^\./, '')),
  };
}

function itemsOfList(value: unknown): unknown[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, items } = value as { kind?: unknown; items?: unknown };
  return typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items) ? items : undefined;
}

async function walk(directory: string, files: string[]): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    if (entry.name.startsWith('.') || files.length > MAX_FILES) continue;
    const full = path.join(directory, entry.name);
    if (entry.isDirectory()) await walk(full, files);
    else if (/\.(ya?ml|json)$/.test(entry.name) && (await isFile(full))) files.push(full);
  }
}

/** Mounted ConfigMaps are links to files, so links count as what they lead to. */
async function isFile(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined))?.isFile() ?? false;
}

const ioProblem = (file: string, error: unknown): ManifestProblem => ({
  source: 'IO',
  file,
  line: 0,
  message: error instanceof Error ? error.message : String(error),
});
