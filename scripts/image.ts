/** What an image is, besides its base: which files, started how, as whom. The Dockerfile says the same; a test compares the two. */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { chunkFolder } from './bundles.ts';
import { NODE_ENVIRONMENT, NODE_FLAGS } from './node-flags.ts';

export const TARGETS = ['operator', 'sidecar'] as const;
export type Target = (typeof TARGETS)[number];

/** User and group; `nonroot` of distroless. */
export const UID = 65_532;
export const NODE = '/usr/local/bin/node';

const APP = 'app';
const DOC = 'usr/share/doc/outrider';

export function entrypoint(target: Target): string[] {
  return [NODE, ...NODE_FLAGS[target], `/${APP}/${target}.js`];
}

/** `NAME=value` of every variable that is set. */
export function environment(target: Target): string[] {
  const ours = Object.entries(NODE_ENVIRONMENT[target]).map(([name, value]) => `${name}=${value}`);
  return ['NODE_ENV=production', 'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt', ...ours];
}

/** Puts everything of ours that an image has below `root`, from what `npm run build` wrote. */
export async function layOutApp(target: Target, built: string, root: string): Promise<void> {
  const app = path.join(root, APP);
  const doc = path.join(root, DOC);
  await mkdir(app, { recursive: true });
  await mkdir(doc, { recursive: true });
  await cp(path.join(built, `${target}.js`), path.join(app, `${target}.js`));
  await cp(path.join(built, chunkFolder(target)), path.join(app, chunkFolder(target)), { recursive: true });
  // Without it Node reads every file twice to find out that it is a module.
  await writeFile(path.join(app, 'package.json'), '{ "type": "module" }\n');
  await cp('LICENSE', path.join(doc, 'LICENSE'));
  await cp(path.join(built, `${target}.licenses.txt`), path.join(doc, 'THIRD-PARTY-LICENSES.txt'));
  await cp(path.join(built, `${target}.cdx.json`), path.join(doc, 'sbom.cdx.json'));
}

if (import.meta.main) {
  const [out = 'dist/app'] = process.argv.slice(2);
  for (const target of TARGETS) await layOutApp(target, 'dist', path.join(out, target));
}
