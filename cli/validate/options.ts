/** Options of `outrider validate`. */
import { parseArgs } from 'node:util';

interface Options {
  paths: string[];
  output: 'text' | 'json';
  /** References that the given files do not resolve are problems instead of warnings. */
  strict: boolean;
  platformNamespaces: string[];
}

export const USAGE = `outrider validate: check manifests without a cluster

usage: outrider validate -f FILE|DIR [-f ...] [options]

  -f, --filename PATH           a file, a directory (with everything below it), or - for standard input; may be repeated
  -o, --output text|json        how problems are printed (text)
      --strict                  references to what is not in the given files are problems, not warnings
      --platform-namespaces A,B namespaces that may export providers and routes

exit code: 0 everything is valid, 1 there are problems, 2 wrong usage or a file that cannot be read
`;

export type Parsed = { options: Options } | { help: true } | { error: string };

export function parseOptions(args: readonly string[]): Parsed {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        filename: { type: 'string', short: 'f', multiple: true, default: [] },
        output: { type: 'string', short: 'o', default: 'text' },
        strict: { type: 'boolean', default: false },
        'platform-namespaces': { type: 'string', default: '' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return { help: true };
    const paths = [...values.filename, ...positionals];
    if (paths.length === 0) return { error: 'no files given; name them with -f' };
    const { output } = values;
    if (output !== 'text' && output !== 'json') return { error: `--output is "${output}"; use text or json` };
    const platformNamespaces = values['platform-namespaces'].split(',').filter((name) => name !== '');
    return { options: { paths, output, strict: values.strict, platformNamespaces } };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
