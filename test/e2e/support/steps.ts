/** Tests that go on from where the one before left the cluster: after one that failed, the rest say so instead of failing as well. */
import { beforeEach } from 'vitest';
import { tellWhatIsThere } from './diagnostics.ts';

/** @param namespaces whose pods, events and logs are told after a failure */
export function inSteps(namespaces: () => readonly string[]): void {
  let broken: string | undefined;
  beforeEach(({ task, skip, onTestFailed }) => {
    if (broken !== undefined) skip(`the step "${broken}" before it failed`);
    onTestFailed(async () => {
      broken = task.name;
      await tellWhatIsThere(namespaces());
    });
  });
}
