/**
 * `npm run build`: bundles, and beside each what is in it. `dist/sidecar.js` holds only the data plane, `dist/operator.js` only
 * the control plane, `dist/outrider.js` the whole command; `*.cdx.json` is the bill of materials (CycloneDX), and
 * `*.licenses.txt` the licenses of what others wrote.
 */
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { billOfMaterials } from './bill-of-materials.ts';
import { bundledPackages, readLockfile } from './bundled-packages.ts';
import { BUNDLES, bundle } from './bundles.ts';
import { licensesText } from './licenses.ts';

/** Writes everything into `outDir`, which is emptied first. */
export async function buildAll(outDir: string): Promise<string[]> {
  await rm(outDir, { recursive: true, force: true });
  const lockfile = await readLockfile();
  const lines = await Promise.all(
    BUNDLES.map(async (name) => {
      const metafile = await bundle(name, outDir);
      const packages = await bundledPackages(metafile, lockfile);
      const file = (ending: string) => path.join(outDir, `${name}.${ending}`);
      await writeFile(
        file('cdx.json'),
        `${JSON.stringify(billOfMaterials(name, lockfile, packages), null, 2)}\n`,
      );
      await writeFile(file('licenses.txt'), licensesText(packages));
      const entry = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint?.startsWith('cli/'));
      return `${file('js')} ${Math.ceil((entry?.bytes ?? 0) / 1024)} KiB, ${packages.length} packages`;
    }),
  );
  return lines;
}

if (import.meta.main) {
  for (const line of await buildAll('dist')) process.stdout.write(`${line}\n`);
}
