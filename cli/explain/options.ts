/** Options of `outrider explain`. */
import { parseArgs } from 'node:util';
import {
  MANIFEST_OPTIONS,
  type ManifestOptions,
  type Parsed,
  parseManifestOptions,
} from '../manifest-options.ts';

export interface Options extends ManifestOptions {
  /** File with the request's body, or `-`; undefined with `--effective` alone. */
  request: string | undefined;
  /** Names and values in turn. */
  rawHeaders: string[];
  method: string;
  path: string;
  namespace: string | undefined;
  labels: Record<string, string>;
  region: string | undefined;
  effective: boolean;
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
      --region NAME             where the app's pod is, for rules that prefer their own region
      --platform-namespaces A,B namespaces that may export providers and routes
      --effective               print the routes and providers of the app with every default filled in
  -o, --output text|json        (text)

Every provider is taken to be healthy and every key to be there. Where chance decides, the order shown is that of one draw.

exit code: 0 the request would be routed, 1 it would be refused, 2 wrong usage or a file that cannot be read
`;

export function parseOptions(args: readonly string[]): Parsed<Options> {
  const options = {
    ...MANIFEST_OPTIONS,
    request: { type: 'string' },
    header: { type: 'string', short: 'H', multiple: true, default: [] as string[] },
    path: { type: 'string', default: '/v1/chat/completions' },
    method: { type: 'string', default: 'POST' },
    namespace: { type: 'string' },
    labels: { type: 'string', default: '' },
    region: { type: 'string' },
    effective: { type: 'boolean', default: false },
  } as const;
  return parseManifestOptions(
    () => parseArgs({ args: [...args], allowPositionals: true, options }),
    'no manifests given; name them with -f',
    (common, { request, header, path, method, namespace, labels, region, effective }) =>
      request === undefined && !effective
        ? 'name the request with --request FILE, or ask for --effective'
        : {
            ...common,
            request,
            rawHeaders: header.flatMap(headerOf),
            method: method.toUpperCase(),
            path,
            namespace,
            labels: labelsOf(labels),
            region,
            effective,
          },
  );
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
