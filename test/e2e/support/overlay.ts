/** The kustomization that the guide shows, for another namespace. */
import { readFileSync } from 'node:fs';

const GUIDE = 'docs/guides/without-helm.md';
const NAMESPACE_OF_GUIDE = /\bdemo\b/g;
const DEPLOY_OF_GUIDE = '- ../deploy\n';

/** @returns content by file name */
export function overlay(namespace: string, deploy: string): [string, string][] {
  const blocks = readFileSync(GUIDE, 'utf8').matchAll(/```yaml\n(# ([\w.]+).*\n[\s\S]*?)```/g);
  const files = Array.from(blocks, ([, content = '', name = '']): [string, string] => [
    name,
    content.replace(NAMESPACE_OF_GUIDE, namespace).replace(DEPLOY_OF_GUIDE, `- ${deploy}\n`),
  ]);
  if (files.length !== 2) throw new Error(`${GUIDE} shows ${files.length} files`);
  return files;
}
