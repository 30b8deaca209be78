/**
 * Runs a program the way a container would: in a root filesystem of its own that it can only read, as a user without rights.
 * With root's rights that is a mount and a chroot; without, user namespaces do it where the kernel allows them.
 */
// This builds suites: their titles and whether they run are its arguments.
/* oxlint-disable vitest/no-conditional-tests, vitest/valid-title, vitest/expect-expect */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, test } from 'vitest';
import { UID } from '../../../scripts/image.ts';

const IS_ROOT = process.getuid?.() === 0;

/** A suite whose programs are contained: told by a skipped test where that cannot be done. */
export function describeContained(name: string, body: () => void): void {
  const missing = obstacle();
  describe(name, () => {
    if (missing === undefined) body();
    else test(`NOT RUN: ${missing}`, (context) => context.skip(missing));
  });
}

/** Why nothing can be contained on this machine; undefined where it can. */
function obstacle(): string | undefined {
  if (process.platform !== 'linux') return `this is ${process.platform}, and images are for Linux`;
  const { status, stderr } = spawnSync('unshare', [...namespaces(), 'true'], { encoding: 'utf8' });
  return status === 0 ? undefined : `namespaces are not to be had: ${stderr.trim()}`;
}

const namespaces = () => (IS_ROOT ? ['--mount'] : ['--user', '--map-root-user', '--mount']);

const MOUNTS = [
  'set -e',
  'mount --bind "$ROOT" "$ROOT"',
  'mount --rbind /proc "$ROOT/proc"',
  'mount --rbind /dev "$ROOT/dev"',
  'mount --bind "$SHARED" "$ROOT/tmp"',
  'mount -o remount,bind,ro "$ROOT/tmp"',
  'mount -o remount,bind,ro "$ROOT"',
];
const ENTER = IS_ROOT
  ? `exec chroot --userspec=${UID}:${UID} "$ROOT" "$@"`
  : `exec unshare --user --map-user=${UID} --map-group=${UID} --root="$ROOT" --wd=/ "$@"`;

/** `shared` is a folder that the program sees as /tmp, and cannot write to either. */
export function startContained(
  root: string,
  shared: string,
  command: readonly string[],
  env: Record<string, string> = {},
): ChildProcess {
  const script = [...MOUNTS, ENTER].join('\n');
  const inside = {
    ...env,
    ROOT: path.resolve(root),
    SHARED: path.resolve(shared),
    // Where chroot is, which not every user has there.
    PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`,
  };
  return spawn('unshare', [...namespaces(), 'sh', '-c', script, 'contained', ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: inside,
  });
}
