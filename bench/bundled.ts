/** An entry of a bench as one file of JavaScript: what runs is what an image runs, without the memory that reading TypeScript takes. */
import { mkdir, mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';

/** Path of the bundle, in a folder below `dist`, so that its packages are found. */
export async function bundled(entry: string): Promise<string> {
  await mkdir('dist', { recursive: true });
  const folder = await mkdtemp(path.join('dist', 'bench-'));
  const outfile = path.join(folder, 'main.mjs');
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    logLevel: 'error',
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  return outfile;
}
