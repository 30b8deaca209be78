/** `outrider inject`: the sidecar put into manifests, for clusters where nothing injects it at admission. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { dump } from 'js-yaml';
import { injectionPolicies } from '../operator/inject/policy.ts';
import { refusal } from '../operator/inject/problems.ts';
import type { InjectionSettings } from '../operator/inject/settings.ts';
import { skipMessage } from '../operator/inject/skips.ts';
import { Arguments, readOrExplain, UsageError } from './arguments.ts';
import { cutDocuments, rewritten } from './inject/documents.ts';
import { injectionSettings, UnusableSettings } from './inject/settings-file.ts';
import { injectAll, type Outcome } from './inject/workloads.ts';

const HELP = `outrider inject: manifests in, the same manifests with the sidecar in their pods out

Pods, and the pods of Deployments, StatefulSets, DaemonSets, ReplicaSets, ReplicationControllers, Jobs, CronJobs and Lists get
what the operator would give them at admission; all else comes out as it went in. What was done is told on standard error.

usage: outrider inject -f FILE|-... [options]
       outrider inject --policy [options]

  -f, --file FILE|-          manifests, or - for standard input; may be given several times
  --settings FILE            settings of injection in YAML, as the operator has them             OUTRIDER_SETTINGS
  --image IMAGE              image of the sidecar                                                OUTRIDER_IMAGE
  --image-pull-policy POLICY Always, IfNotPresent or Never                                       OUTRIDER_IMAGE_PULL_POLICY
  --operator URL             https://host:port of the operator                                   OUTRIDER_OPERATOR
  --operator-namespace NAME  its namespace, which is never injected; outrider-system             OUTRIDER_OPERATOR_NAMESPACE
  --startup MODE             Wait for configuration, or Proceed after 30 s; Wait                 OUTRIDER_STARTUP
  --policy                   print the admission policies that do the same in the API server (Kubernetes 1.36 and newer)
  --help

A flag wins over the variable beside it, and both over the file. The ConfigMaps that injected pods refer to, outrider-env and
outrider-ca, are kept by the operator.

exit code: 0 done, 1 a pod asks for what cannot be followed (nothing is printed), 2 wrong usage or a file that cannot be read
`;

const FLAGS = ['settings', 'image', 'image-pull-policy', 'operator', 'operator-namespace', 'startup'];

const DEFAULT_NAMESPACE = 'outrider-system';

interface InjectArguments {
  paths: string[];
  policy: boolean;
  settingsFile: string | undefined;
  flags: Record<string, unknown>;
}

/** @returns undefined where help was asked for */
export function readArguments(args: string[], env: NodeJS.ProcessEnv): InjectArguments | undefined {
  const given = new Arguments(args, env, FLAGS, { file: 'f' }, ['policy']);
  if (given.help) return undefined;
  const policy = given.has('policy');
  const paths = [...(given.lists.file ?? []), ...given.positionals];
  if (paths.length === 0 && !policy) throw new UsageError('-f FILE is required; - is standard input');
  if (paths.length > 0 && policy) throw new UsageError('--policy takes no manifests');
  const flags = {
    image: given.text('image'),
    imagePullPolicy: given.text('image-pull-policy'),
    operatorUrl: given.text('operator'),
    operatorNamespace: given.text('operator-namespace'),
    startup: given.choice('startup', ['Wait', 'Proceed']),
  };
  return {
    paths,
    policy,
    settingsFile: given.text('settings'),
    flags: Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)),
  };
}

export async function main(args: string[]): Promise<number> {
  const read = readOrExplain('inject', HELP, () => readArguments(args, process.env));
  if ('exitCode' in read) return read.exitCode;
  try {
    const settings = await settingsOf(read.settings);
    if (read.settings.policy) return printPolicies(settings);
    return await injectFiles(read.settings.paths, settings);
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    say(error.message);
    return 2;
  }
}

/** What the command cannot begin with; the message says what would be right. */
class Unusable extends Error {}

async function settingsOf({ settingsFile, flags }: InjectArguments): Promise<InjectionSettings> {
  try {
    return await injectionSettings(settingsFile, flags, { operatorNamespace: DEFAULT_NAMESPACE });
  } catch (error) {
    if (!(error instanceof UnusableSettings)) throw error;
    const hint = settingsFile === undefined ? '; give --image and --operator, or --settings' : '';
    throw new Unusable(error.message + hint, { cause: error });
  }
}

async function readText(path: string): Promise<string> {
  try {
    return path === '-' ? await text(process.stdin) : await readFile(path, 'utf8');
  } catch (error) {
    throw new Unusable((error as Error).message, { cause: error });
  }
}

function printPolicies(settings: InjectionSettings): number {
  const documents = injectionPolicies({ settings }).map((object) =>
    dump(object, { noRefs: true, lineWidth: -1 }),
  );
  process.stdout.write(documents.join('---\n'));
  return 0;
}

async function injectFiles(paths: readonly string[], settings: InjectionSettings): Promise<number> {
  const output: string[] = [];
  const outcomes: Outcome[] = [];
  for (const path of paths) {
    const file = path === '-' ? '<stdin>' : path;
    const cut = cutDocuments(await readText(path));
    if ('problem' in cut) throw new Unusable(`${file}:${cut.problem.line}: ${cut.problem.message}`);
    const parts = cut.documents.map((document) => {
      const result = injectAll(document.value, settings);
      outcomes.push(...result.outcomes);
      const changed = result.outcomes.some(({ injection }) => isChange(injection));
      return changed ? rewritten(document, result.value) : document.text;
    });
    output.push(parts.join(''));
  }
  for (const outcome of outcomes) say(sentence(outcome));
  if (outcomes.length === 0) say('no pods in the manifests');
  if (outcomes.some(({ injection: { outcome } }) => outcome === 'Refused' || outcome === 'Malformed'))
    return 1;
  process.stdout.write(joined(output));
  return 0;
}

const isChange = (injection: Outcome['injection']): boolean =>
  injection.outcome === 'Injected' && injection.patch.length > 0;

function sentence({ object, injection }: Outcome): string {
  switch (injection.outcome) {
    case 'Injected':
      return `${object}: ${injection.patch.length > 0 ? 'injected' : 'has everything already'}`;
    case 'Skipped':
      return `${object}: ${skipMessage(injection)}`;
    case 'NotWanted':
      return `${object}: left alone, as its label or its namespace says`;
    case 'Refused':
      return `${object}: ${refusal(injection.problems)}`;
    case 'Malformed':
      return `${object}: ${injection.message}`;
  }
}

/** Files that follow one another are documents that follow one another. */
function joined(files: readonly string[]): string {
  return files.reduce((before, next) => {
    if (before === '' || next.startsWith('---')) return before + next;
    return `${before}${before.endsWith('\n') ? '' : '\n'}---\n${next}`;
  }, '');
}

function say(line: string): void {
  process.stderr.write(`outrider inject: ${line}\n`);
}
