/** What becomes of the tests after one that failed. */
import { beforeEach } from 'vitest';
import { tellWhatIsThere } from './diagnostics.ts';

/**
 * Tests that go on from where the one before left the cluster: after one that failed, the rest say so instead of failing as well.
 * @param namespaces whose pods, events and logs are told after a failure
 */
export function inSteps(namespaces: () => readonly string[]): void {
  let broken: string | undefined;
  beforeEach(({ task, skip, onTestFailed }) => {
    if (broken !== undefined) skip(`the step "${broken}" before it failed`);
    onTestFailed(() => {
      broken = task.name;
    });
  });
  tellingFailures(namespaces);
}

/** Tests that stand for themselves: each runs, whatever became of the others. */
export function tellingFailures(namespaces: () => readonly string[]): void {
  beforeEach(({ onTestFailed }) => {
    onTestFailed(() => tellWhatIsThere(namespaces()));
  });
}
