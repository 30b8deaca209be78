/** What a person would look at first after a failure. */
import { kubectl } from './command.ts';
import { RELEASE, SYSTEM } from './installation.ts';

const LOOKS = (namespace: string) => [
  ['get', 'pods', '-o', 'wide', '-n', namespace],
  ['get', 'llmroutes,llmproviders', '-o', 'wide', '-n', namespace],
  ['get', 'events', '--sort-by=.lastTimestamp', '-n', namespace],
];

export async function tellWhatIsThere(namespaces: readonly string[]): Promise<void> {
  const logs = ['logs', `deployment/${RELEASE}`, '--all-pods', '--tail=60', '-n', SYSTEM];
  for (const look of [...[SYSTEM, ...namespaces].flatMap(LOOKS), logs]) {
    const told = await kubectl(look).catch(String);
    process.stderr.write(`\n$ kubectl ${look.join(' ')}\n${told.split('\n').slice(-80).join('\n')}`);
  }
}
