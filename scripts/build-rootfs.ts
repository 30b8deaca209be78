/**
 * `node scripts/build-rootfs.ts`: the root filesystems of the images without a container engine, in `dist/rootfs/<target>`, from
 * what `npm run build` wrote. Node is the one that `package.json` pins; its libraries are this machine's.
 *
 * `--archive` also writes `dist/rootfs/<target>.tar`, an OCI archive that `ctr images import` and `skopeo` take.
 */
import { execFile } from 'node:child_process';
import { chmod, constants, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { rootCertificates } from 'node:tls';
import { parseArgs, promisify } from 'node:util';
import { layOutApp, NODE, TARGETS, type Target, UID } from './image.ts';
import { writeArchive } from './oci-archive.ts';

const run = promisify(execFile);

const PINNED_NODE = 'node_modules/node/bin/node';

/** As the base image has them. */
const FILES: Readonly<Record<string, string>> = {
  'etc/passwd': `root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:${UID}:${UID}:nonroot:/home/nonroot:/sbin/nologin\n`,
  'etc/group': `root:x:0:\nnonroot:x:${UID}:\n`,
  'etc/nsswitch.conf': 'hosts: files dns\n',
  'etc/ssl/certs/ca-certificates.crt': `${rootCertificates.join('\n')}\n`,
};

/** Where container runtimes mount things; a read-only root must have them. */
const MOUNT_POINTS = ['dev', 'proc', 'sys', 'tmp', 'home/nonroot'];

/** Replaces `root`. */
export async function buildRootfs(target: Target, built: string, root: string): Promise<void> {
  await rm(root, { recursive: true, force: true });
  await layOutApp(target, built, root);
  for (const folder of MOUNT_POINTS) await mkdir(path.join(root, folder), { recursive: true });
  await chmod(path.join(root, 'tmp'), 0o1777);
  for (const [file, text] of Object.entries(FILES)) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text);
  }
  await copy(PINNED_NODE, path.join(root, NODE));
  for (const library of await libraries(PINNED_NODE)) await copy(library, path.join(root, library));
}

/** Libraries that a program is linked to, the loader among them: `libm.so.6 => /lib/libm.so.6 (0x...)`. */
async function libraries(program: string): Promise<string[]> {
  const { stdout } = await run('ldd', [program]);
  return stdout.split('\n').flatMap((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1] ?? []);
}

/** What a link points at is copied in its place. */
async function copy(from: string, to: string): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true });
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  await chmod(to, 0o755);
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { archive: { type: 'boolean', default: false } } });
  for (const target of TARGETS) {
    const root = path.join('dist/rootfs', target);
    await buildRootfs(target, 'dist', root);
    process.stdout.write(`${root}\n`);
    if (values.archive) process.stdout.write(`${await writeArchive(target, root, `${root}.tar`)}\n`);
  }
}
