/** Options of `outrider validate`. */
import { parseArgs } from 'node:util';
import {
  MANIFEST_OPTIONS,
  type ManifestOptions,
  type Parsed,
  parseManifestOptions,
} from '../manifest-options.ts';

interface Options extends ManifestOptions {
  /** References that the given files do not resolve are problems instead of warnings. */
  strict: boolean;
}

export const USAGE = `outrider validate: check manifests without a cluster

usage: outrider validate -f FILE|DIR [-f ...] [options]

  -f, --filename PATH           a file, a directory (with everything below it), or - for standard input; may be repeated
  -o, --output text|json        how problems are printed (text)
      --strict                  references to what is not in the given files are problems, not warnings
      --platform-namespaces A,B namespaces that may export providers and routes

exit code: 0 everything is valid, 1 there are problems, 2 wrong usage or a file that cannot be read
`;

export function parseOptions(args: readonly string[]): Parsed<Options> {
  const options = { ...MANIFEST_OPTIONS, strict: { type: 'boolean', default: false } } as const;
  return parseManifestOptions(
    () => parseArgs({ args: [...args], allowPositionals: true, options }),
    'no files given; name them with -f',
    (common, { strict }) => ({ ...common, strict }),
  );
}
