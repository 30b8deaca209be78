/** Which images the suite installs, and how they get into the cluster. */
import packageJson from '../../../package.json' with { type: 'json' };
import { TARGETS, type Target } from '../../../scripts/image.ts';
import { run } from './command.ts';

const { version } = packageJson;

export interface Image {
  repository: string;
  tag: string;
}

const variable = (target: Target): string => `E2E_${target.toUpperCase()}_IMAGE`;

export const imagesAreGiven = (): boolean =>
  TARGETS.some((target) => process.env[variable(target)] !== undefined);

/** `E2E_OPERATOR_IMAGE` and `E2E_SIDECAR_IMAGE`, as `repository:tag`; unset: those that the chart names. */
export function imageOf(target: Target): Image {
  const given = process.env[variable(target)] ?? `docker.io/outrider/${target}:${version}`;
  const colon = given.lastIndexOf(':');
  if (colon <= given.lastIndexOf('/')) throw new Error(`"${given}" has no tag`);
  return { repository: given.slice(0, colon), tag: given.slice(colon + 1) };
}

/**
 * Where `E2E_LOAD_IMAGE` is set, builds both images as OCI archives and calls that command of the shell for each, with the archive
 * as its last argument. Unset: the cluster gets them on its own.
 */
export async function loadImages(): Promise<string[]> {
  const { E2E_LOAD_IMAGE } = process.env;
  if (E2E_LOAD_IMAGE === undefined || E2E_LOAD_IMAGE === '') return [];
  await run(process.execPath, ['scripts/build.ts']);
  await run(process.execPath, ['scripts/build-rootfs.ts', '--archive']);
  const archives = TARGETS.map((target) => `dist/rootfs/${target}.tar`);
  for (const archive of archives) await run('sh', ['-c', `${E2E_LOAD_IMAGE} "$1"`, 'load', archive]);
  return archives;
}
