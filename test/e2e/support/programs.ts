/** The suite's own programs, as one ConfigMap: pods run them with the Node of an image of ours, so no further image is needed. */
import { build } from 'esbuild';

const FOLDER = 'test/e2e/programs';
const NAMES = ['app', 'task', 'vendor'] as const;
export type ProgramName = (typeof NAMES)[number];

export const PROGRAMS_CONFIG_MAP = 'programs';
export const PROGRAMS_DIRECTORY = '/programs';

export const programFile = (name: ProgramName): string => `${PROGRAMS_DIRECTORY}/${name}.mjs`;

export async function programs(namespace: string): Promise<object> {
  const { outputFiles } = await build({
    entryPoints: Object.fromEntries(NAMES.map((name) => [name, `${FOLDER}/${name}.ts`])),
    outdir: '/',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    write: false,
    logLevel: 'warning',
  });
  const data = Object.fromEntries(outputFiles.map(({ path, text }) => [path.slice(1), text]));
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: PROGRAMS_CONFIG_MAP, namespace }, data };
}
