/** `outrider validate`: file, line, field, value, and what would be right; exit codes for CI. */
import { text } from 'node:stream/consumers';
import { type Manifests, parseManifests, readManifests } from '../crds/manifests.ts';
import { judge } from './validate/judge.ts';
import { parseOptions, USAGE } from './validate/options.ts';
import { jsonReport, textReport } from './validate/report.ts';

const VALID = 0;
const INVALID = 1;
const CANNOT_SAY = 2;

export async function main(args: readonly string[]): Promise<number> {
  const parsed = parseOptions(args);
  if ('help' in parsed) {
    process.stdout.write(USAGE);
    return VALID;
  }
  if ('error' in parsed) {
    process.stderr.write(`outrider validate: ${parsed.error}\n\n${USAGE}`);
    return CANNOT_SAY;
  }
  const { paths, output, strict, platformNamespaces } = parsed.options;
  const manifests = await read(paths);
  if (manifests.objects.length === 0 && manifests.problems.length === 0) {
    process.stderr.write(`outrider validate: no manifests in ${paths.join(', ')}\n`);
    return CANNOT_SAY;
  }
  const findings = judge(manifests, { strict, platformNamespaces, now: Date.now() });
  const report = output === 'json' ? jsonReport : textReport;
  process.stdout.write(report(findings, manifests.objects.length));
  if (findings.some(({ source }) => source === 'IO')) return CANNOT_SAY;
  return findings.some(({ severity }) => severity === 'Problem') ? INVALID : VALID;
}

async function read(paths: readonly string[]): Promise<Manifests> {
  const manifests = await readManifests(paths.filter((path) => path !== '-'));
  if (!paths.includes('-')) return manifests;
  const piped = parseManifests(await text(process.stdin), '<stdin>');
  return {
    objects: [...manifests.objects, ...piped.objects],
    problems: [...manifests.problems, ...piped.problems],
  };
}
