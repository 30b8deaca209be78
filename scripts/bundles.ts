/** Bundles for images and benches, one per entry; parts that load on demand stay files of their own beside them. */
import { build, type Metafile, type Plugin } from 'esbuild';

/** ESM bundles of CommonJS packages need a `require` for the built-in modules those ask for. */
const BANNER = [
  "import { createRequire as __createRequire } from 'node:module';",
  'const require = __createRequire(import.meta.url);',
].join('\n');

const ENTRIES = {
  sidecar: 'cli/bundles/sidecar.ts',
  operator: 'cli/bundles/operator.ts',
  outrider: 'cli/main.ts',
};

export type BundleName = keyof typeof ENTRIES;
export const BUNDLES = Object.keys(ENTRIES) as BundleName[];

/** Folder, beside `<name>.js`, of the parts that a bundle loads on demand. */
export const chunkFolder = (name: BundleName): string => `${name}-chunks`;

/**
 * An ESM import of a built-in module reads every one of its exports, also those that load more: with the WebSocket classes
 * of `node:http` comes the whole of fetch, with `node:crypto` the web API. Taken as an object, only what is used is read;
 * it saves megabytes in every pod.
 */
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup(builder) {
    builder.onResolve({ filter: /^node:/ }, ({ path }) =>
      path === 'node:module' ? undefined : { path, namespace: 'builtin' },
    );
    builder.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

/** Writes `<outDir>/<name>.js` and its chunks; what went into it is the answer. Run at the root of the repository. */
export async function bundle(name: BundleName, outDir: string): Promise<Metafile> {
  const { metafile } = await build({
    entryPoints: { [name]: ENTRIES[name] },
    outdir: outDir,
    bundle: true,
    splitting: true,
    chunkNames: `${chunkFolder(name)}/[name]-[hash]`,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'linked',
    banner: { js: BANNER },
    plugins: [lazyBuiltins],
    metafile: true,
    logLevel: 'warning',
  });
  return metafile;
}
