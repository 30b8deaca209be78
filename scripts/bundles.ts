/** Bundles for images and benches, one per entry; parts that load on demand stay files of their own beside them. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';

/** ESM bundles of CommonJS packages need a `require` for the built-in modules those ask for. */
const BANNER = "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);";

const ENTRIES = {
  sidecar: 'cli/bundles/sidecar.ts',
  operator: 'cli/bundles/operator.ts',
  outrider: 'cli/main.ts',
};

export type BundleName = keyof typeof ENTRIES;
export const BUNDLES = Object.keys(ENTRIES) as BundleName[];

/** Folder, beside `<name>.js`, of the parts that a bundle loads on demand. */
export const chunkFolder = (name: BundleName): string => `${name}-chunks`;

/** By either of its names. `require` of a package's own reads nothing that is not asked for. */
const BUILTIN = new RegExp(`^(node:.*|${builtinModules.filter((name) => !name.startsWith('_')).join('|')})$`);

/**
 * An ESM import of a built-in module reads every one of its exports, also those that load more: with the WebSocket classes
 * of `node:http` comes the whole of fetch, with `node:crypto` the web API, with `node:util` that of workers. So does what the bundler
 * makes of an object that is imported: it asks how each property is defined. Here each export that is used is read, and no other; it
 * saves megabytes in every pod.
 *
 * Each importer has a copy of its own; a shared one becomes a file as soon as two parts use it.
 */
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup(builder) {
    builder.onResolve({ filter: BUILTIN }, ({ path: name, importer, kind }) => {
      if (kind === 'require-call' && !name.startsWith('node:')) return undefined;
      const namespace = kind === 'import-statement' ? 'builtin-names' : 'builtin';
      return { path: name, namespace, suffix: `?${path.relative('', importer)}` };
    });
    builder.onLoad({ filter: /.*/, namespace: 'builtin-names' }, async ({ path: name }) => {
      const names = Object.keys(await import(name)).filter((one) => one !== 'default');
      const lines = [
        `const whole = /* @__PURE__ */ process.getBuiltinModule(${JSON.stringify(name)});`,
        'export default whole;',
        ...names.map((one) => `export const ${one} = /* @__PURE__ */ (() => whole.${one})();`),
      ];
      return { contents: lines.join('\n') };
    });
    // What is asked for at run time is not known here: those take the object as it is.
    builder.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path: name }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(name)});`,
    }));
  },
};

/**
 * Of the official Kubernetes client the operator uses the one part that reads kubeconfigs and logs in. That part also knows how
 * to build clients for every API there is; without those, and without the second HTTP client they bring, an operator at rest
 * takes a tenth less memory.
 */
const CLIENT = '@kubernetes/client-node';
const LEFT_OUT = [
  // The second HTTP client of the official client, and its clients for every API there is.
  { of: `/${CLIENT}/dist/config.js`, parts: ['undici', './gen/index.js', './middleware.js'] },
  // Metrics of many processes together, and those that are pushed: the first brings all there is for worker processes.
  { of: '/prom-client/index.js', parts: ['./lib/cluster', './lib/pushgateway'] },
];

/** What of a package is left out of bundles says so when it is used. */
const leftOut: Plugin = {
  name: 'left-out',
  setup(builder) {
    builder.onResolve({ filter: /./ }, ({ path: wanted, importer }) =>
      LEFT_OUT.some(({ of, parts }) => importer.endsWith(of) && parts.includes(wanted))
        ? { path: wanted, namespace: 'left-out' }
        : undefined,
    );
    builder.onLoad({ filter: /./, namespace: 'left-out' }, ({ path: wanted }) => ({
      contents: `module.exports = new Proxy({}, { get(_, name) {
        if (name === '__esModule') return true;
        throw new Error(${JSON.stringify(`${wanted} is not in this bundle`)});
      } });`,
    }));
    // Texts of errors in every language there is; English is told to it by a file of its own.
    builder.onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({ contents: 'export {};' }));
  },
};

const kubeconfigOnly: Plugin = {
  name: 'kubeconfig-only',
  setup(builder) {
    builder.onResolve({ filter: new RegExp(`^${CLIENT}$`) }, async ({ importer, kind, resolveDir }) => {
      if (importer.includes(CLIENT)) return undefined;
      const index = await builder.resolve(CLIENT, { kind, resolveDir, importer: CLIENT });
      return { path: path.join(path.dirname(index.path), 'config.js') };
    });
  },
};

/**
 * The engine of patterns is a third of the data plane, and few pods have patterns: in the sidecar's bundle it is a file of its
 * own. It cannot be a part that `import()` loads, since it must be there in the same turn: `require` takes modules too.
 */
const ENGINE = 're2js';

const engineApart: Plugin = {
  name: 'engine-apart',
  setup(builder) {
    builder.onResolve({ filter: new RegExp(`^${ENGINE}$`) }, ({ kind }) =>
      kind === 'require-call' ? { path: ENGINE, namespace: 'engine' } : undefined,
    );
    // A `require` of the bundler's own looks for files where its helpers happen to be, so this one has its own.
    builder.onLoad({ filter: /./, namespace: 'engine' }, () => ({
      contents: `import { createRequire } from 'node:module';
        export const { RE2JS } = createRequire(import.meta.url)('./${ENGINE}.js');`,
    }));
    builder.onEnd(({ metafile }) => {
      for (const [output, { inputs }] of Object.entries(metafile?.outputs ?? {})) {
        if (inputs[`engine:${ENGINE}`] && path.basename(path.dirname(output)) !== chunkFolder('sidecar'))
          throw new Error(`${output} would look for the engine of patterns in the wrong folder`);
      }
    });
  },
};

/**
 * What the bundler splits off is shared by some parts that load on demand and not by others, so with each new part the start
 * would load more files; a dozen are enough for V8 to optimise how Node resolves their paths, which alone brings 6 MiB of the
 * compiler into memory. Here every such part also imports the start as a whole, which has run by then: all that the start
 * needs is shared by all parts, and so is one file.
 */
const startInOneFile: Plugin = {
  name: 'start-in-one-file',
  setup(builder) {
    const start = path.resolve(START);
    const parts = new Set<string>();
    builder.onResolve({ filter: /^\./ }, async ({ path: wanted, kind, pluginData, ...rest }) => {
      if (kind !== 'dynamic-import' || pluginData === start) return undefined;
      const found = await builder.resolve(wanted, { ...rest, kind, pluginData: start });
      if (found.errors.length === 0) parts.add(found.path);
      return found;
    });
    builder.onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
      if (!parts.has(file)) return undefined;
      const source = await readFile(file, 'utf8');
      return { contents: `${source}\nimport ${JSON.stringify(start)};\n`, loader: 'ts' };
    });
  },
};
const START = 'cli/sidecar.ts';

/** Writes `<outDir>/<name>.js` and its chunks; what went into it is the answer. Run at the root of the repository. */
export async function bundle(name: BundleName, outDir: string): Promise<Metafile> {
  const apart = name === 'sidecar';
  const { metafile, outputFiles } = await build({
    entryPoints: {
      [name]: ENTRIES[name],
      ...(apart && { [`${chunkFolder(name)}/${ENGINE}`]: ENGINE }),
    },
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
    plugins: [lazyBuiltins, kubeconfigOnly, leftOut, ...(apart ? [engineApart, startInOneFile] : [])],
    metafile: true,
    logLevel: 'warning',
    write: false,
  });
  for (const { path: file, text } of outputFiles) {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, file.endsWith('.js') ? inAscii(text) : text);
  }
  return metafile;
}

/**
 * The bundler leaves regular expressions as they are written, and a single character that is not Latin makes V8 keep the source of the
 * whole file, for as long as the process lives, at two bytes per character.
 */
const inAscii = (source: string): string =>
  source.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
