/** Which packages of others are in a bundle: told by the bundler, with versions and checksums of the lockfile. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Metafile } from 'esbuild';

export interface BundledPackage {
  name: string;
  version: string;
  /** SPDX expression. */
  license: string;
  /** As in the lockfile: `sha512-` and base64. */
  integrity: string;
  /** License and notice files, in the order of their names. */
  texts: readonly string[];
}

interface LockedPackage {
  version?: string;
  integrity?: string;
}

export interface Lockfile {
  name: string;
  version: string;
  /** By path, such as `node_modules/zod`. */
  packages: Readonly<Record<string, LockedPackage | undefined>>;
}

export async function readLockfile(): Promise<Lockfile> {
  return JSON.parse(await readFile('package-lock.json', 'utf8')) as Lockfile;
}

/** Licenses that ask for no more than to be told; anything else is for a person to decide. */
const PERMISSIVE = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Unlicense',
]);

/** @throws where a package is not in the lockfile, or has a license that nobody has agreed to */
export async function bundledPackages(metafile: Metafile, lockfile: Lockfile): Promise<BundledPackage[]> {
  const folders = new Set<string>();
  for (const { inputs } of Object.values(metafile.outputs)) {
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      const folder = packageFolder(file);
      if (folder !== undefined && bytesInOutput > 0) folders.add(folder);
    }
  }
  const packages = await Promise.all([...folders].map((folder) => describe(folder, lockfile)));
  const key = ({ name, version }: BundledPackage) => `${name}@${version}`;
  const unique = new Map(packages.map((found) => [key(found), found]));
  return [...unique.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** `node_modules/a/node_modules/@b/c/lib/x.js` is of `node_modules/a/node_modules/@b/c`. */
function packageFolder(file: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
}

async function describe(folder: string, lockfile: Lockfile): Promise<BundledPackage> {
  const manifest = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as {
    name: string;
    license?: string;
  };
  const { version, integrity } = lockfile.packages[folder] ?? {};
  if (version === undefined || integrity === undefined)
    throw new Error(`${folder} is bundled but not in the lockfile`);
  const license = manifest.license ?? '';
  if (!PERMISSIVE.has(license))
    throw new Error(
      `${manifest.name} has the license "${license}"; scripts/bundled-packages.ts lists those agreed to`,
    );
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(path.join(folder, file), 'utf8')));
  return { name: manifest.name, version, license, integrity, texts };
}
