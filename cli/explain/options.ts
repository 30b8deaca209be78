/** Options of `outrider explain`. */
import { parseArgs } from 'node:util';

export interface Options {
  paths: string[];
  /** File with the request's body, or `-`; undefined with `--effective` alone. */
  request: string | undefined;
  /** Names and values in turn. */
  rawHeaders: string[];
  method: string;
  path: string;
  namespace: string | undefined;
  labels: Record<string, string>;
  platformNamespaces: string[];
  effective: boolean;
  output: 'text' | 'json';
}

export const USAGE = `outrider explain: say what would happen to a request, and why

usage: outrider explain -f FILE|DIR [-f ...] --request FILE [options]
       outrider explain -f FILE|DIR [-f ...] --effective [options]

  -f, --filename PATH           manifests: a file or a directory with everything below it; may be repeated
      --request FILE            body of the request as JSON, or - for standard input
  -H, --header 'NAME: VALUE'    a header of the request; may be repeated
      --path PATH               where the app sends it (/v1/chat/completions)
      --method METHOD           (POST)
      --namespace NAME          namespace of the app; unset: the one that all routes are in
      --labels K=V,...          labels of the app's pod, for routes that select by them
      --platform-namespaces A,B namespaces that may export providers and routes
      --effective               print the routes and providers of the app with every default filled in
  -o, --output text|json        (text)

Every provider is taken to be healthy and every key to be there. Where chance decides, the order shown is that of one draw.

exit code: 0 the request would be routed, 1 it would be refused, 2 wrong usage or a file that cannot be read
`;

export type Parsed = { options: Options } | { help: true } | { error: string };

export function parseOptions(args: readonly string[]): Parsed {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        filename: { type: 'string', short: 'f', multiple: true, default: [] },
        request: { type: 'string' },
        header: { type: 'string', short: 'H', multiple: true, default: [] },
        path: { type: 'string', default: '/v1/chat/completions' },
        method: { type: 'string', default: 'POST' },
        namespace: { type: 'string' },
        labels: { type: 'string', default: '' },
        'platform-namespaces': { type: 'string', default: '' },
        effective: { type: 'boolean', default: false },
        output: { type: 'string', short: 'o', default: 'text' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return { help: true };
    // A shell expands `-f dir/*.yaml` into one flag and many names.
    const paths = [...values.filename, ...positionals];
    if (paths.length === 0) return { error: 'no manifests given; name them with -f' };
    const { output, request, effective } = values;
    if (output !== 'text' && output !== 'json') return { error: `--output is "${output}"; use text or json` };
    if (request === undefined && !effective)
      return { error: 'name the request with --request FILE, or ask for --effective' };
    return {
      options: {
        paths,
        request,
        rawHeaders: values.header.flatMap(headerOf),
        method: values.method.toUpperCase(),
        path: values.path,
        namespace: values.namespace,
        labels: labelsOf(values.labels),
        platformNamespaces: values['platform-namespaces'].split(',').filter((name) => name !== ''),
        effective,
        output,
      },
    };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function headerOf(written: string): [string, string] {
  const colon = written.indexOf(':');
  if (colon < 1) throw new Error(`--header is "${written}"; it must be NAME: VALUE`);
  return [written.slice(0, colon).trim(), written.slice(colon + 1).trim()];
}

function labelsOf(written: string): Record<string, string> {
  const pairs = written.split(',').filter((pair) => pair !== '');
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf('=');
      if (equals < 1) throw new Error(`--labels has "${pair}"; it must be NAME=VALUE`);
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}
