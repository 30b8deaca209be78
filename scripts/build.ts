/**
 * Bundles for images and benches: `dist/sidecar.js` holds only the data plane, `dist/operator.js` only the control plane,
 * `dist/outrider.js` the whole command. Parts that load on demand stay files of their own beside them.
 */
import { rm } from 'node:fs/promises';
import { build, type Plugin } from 'esbuild';

const OUT = 'dist';

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

await rm(OUT, { recursive: true, force: true });
const results = await Promise.all(
  Object.entries(ENTRIES).map(([name, entry]) =>
    build({
      entryPoints: { [name]: entry },
      outdir: OUT,
      bundle: true,
      splitting: true,
      chunkNames: `${name}-chunks/[name]-[hash]`,
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
    }),
  ),
);

for (const { metafile } of results) {
  for (const [file, { bytes, entryPoint }] of Object.entries(metafile.outputs)) {
    if (entryPoint !== undefined && !file.includes('-chunks/')) {
      process.stdout.write(`${file} ${Math.ceil(bytes / 1024)} KiB\n`);
    }
  }
}
