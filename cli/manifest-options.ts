/** What commands that look at manifests have in common on their command line, as `parseArgs` takes it. */

export const MANIFEST_OPTIONS = {
  filename: { type: 'string', short: 'f', multiple: true, default: [] as string[] },
  output: { type: 'string', short: 'o', default: 'text' },
  'platform-namespaces': { type: 'string', default: '' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

export interface ManifestOptions {
  paths: string[];
  output: 'text' | 'json';
  platformNamespaces: string[];
}

export type Parsed<Options> = { options: Options } | { help: true } | { error: string };

interface Given {
  filename: string[];
  output: string;
  'platform-namespaces': string;
  help: boolean;
}

/**
 * @param parse reads the arguments; what it throws is told as it is
 * @param missing what to say where no manifests are named
 * @param complete makes the options of a command of the common ones; a text says what is wrong
 */
export function parseManifestOptions<Values extends Given, Options>(
  parse: () => { values: Values; positionals: string[] },
  missing: string,
  complete: (common: ManifestOptions, values: Values) => Options | string,
): Parsed<Options> {
  try {
    const { values, positionals } = parse();
    if (values.help) return { help: true };
    // A shell expands `-f dir/*.yaml` into one flag and many names.
    const paths = [...values.filename, ...positionals];
    if (paths.length === 0) return { error: missing };
    const { output } = values;
    if (output !== 'text' && output !== 'json') return { error: `--output is "${output}"; use text or json` };
    const platformNamespaces = values['platform-namespaces'].split(',').filter((name) => name !== '');
    const options = complete({ paths, output, platformNamespaces }, values);
    return typeof options === 'string' ? { error: options } : { options };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
