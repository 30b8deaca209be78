/**
 * Manifests under `fixtures/`. A rejected one begins with comments: why, then `path:` and `message:` of the one problem it has,
 * and `apiserver:` where a real API server words it its own way.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { KubeObject } from '../../crds/common.ts';
import { parseManifests } from '../../crds/manifests.ts';

export interface Fixture {
  name: string;
  object: KubeObject;
}

export interface RejectedFixture extends Fixture {
  path: string;
  message: string;
  apiserver: string | undefined;
}

export const acceptedFixtures = (): Fixture[] =>
  load('accepted').map(({ name, object }) => ({ name, object }));

export function rejectedFixtures(): RejectedFixture[] {
  return load('rejected').map(({ name, object, comment }) => {
    const field = (key: string) => new RegExp(`^# ${key}: (.*)$`, 'm').exec(comment)?.[1];
    const [at, message] = [field('path'), field('message')];
    if (at === undefined || message === undefined) throw new Error(`${name} does not say what is expected`);
    return { name, object, path: at, message, apiserver: field('apiserver') };
  });
}

function load(folder: 'accepted' | 'rejected') {
  const directory = path.join(import.meta.dirname, 'fixtures', folder);
  return readdirSync(directory)
    .sort()
    .map((file) => {
      const text = readFileSync(path.join(directory, file), 'utf8');
      const { objects, problems } = parseManifests(text, file);
      const [only, ...more] = objects;
      if (!only || more.length > 0 || problems.length > 0) throw new Error(`${file} is not one object`);
      return { name: file, object: only.object, comment: text.slice(0, text.indexOf('\napiVersion')) };
    });
}
