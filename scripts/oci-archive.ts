/** A root filesystem as an image of one layer, in an OCI archive. Equal filesystems give equal archives. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { readLockfile } from './bundled-packages.ts';
import { entrypoint, environment, type Target, UID } from './image.ts';

const run = promisify(execFile);

/** Owner, order and times are no property of what is packed. */
const REPRODUCIBLE = [
  '--sort=name',
  '--owner=0',
  '--group=0',
  '--numeric-owner',
  '--mtime=@0',
  '--format=gnu',
];
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** @returns name and tag that the image has in the archive */
export async function writeArchive(target: Target, root: string, file: string): Promise<string> {
  const { version } = await readLockfile();
  const work = await mkdtemp(`${path.resolve(file)}-`);
  try {
    const blobs = path.join(work, 'blobs/sha256');
    await mkdir(blobs, { recursive: true });
    const layer = path.join(work, 'layer.tar');
    await run('tar', [...REPRODUCIBLE, '-cf', layer, '-C', root, '.']);
    const size = (await stat(layer)).size;
    const hash = await sha256(layer);
    await rename(layer, path.join(blobs, hash));
    const blob = async (mediaType: string, content: object) => {
      const text = JSON.stringify(content);
      const digest = createHash('sha256').update(text).digest('hex');
      await writeFile(path.join(blobs, digest), text);
      return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(text) };
    };
    const config = await blob('application/vnd.oci.image.config.v1+json', {
      architecture: ARCHITECTURES[process.arch] ?? process.arch,
      os: 'linux',
      config: {
        User: `${UID}:${UID}`,
        Entrypoint: entrypoint(target),
        WorkingDir: '/app',
        Env: environment(target),
        Labels: {
          'org.opencontainers.image.title': `outrider-${target}`,
          'org.opencontainers.image.version': version,
        },
      },
      rootfs: { type: 'layers', diff_ids: [`sha256:${hash}`] },
    });
    const manifest = await blob('application/vnd.oci.image.manifest.v1+json', {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config,
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${hash}`, size }],
    });
    const name = `outrider/${target}:${version}`;
    const annotations = {
      'io.containerd.image.name': `docker.io/${name}`,
      'org.opencontainers.image.ref.name': version,
    };
    await writeFile(
      path.join(work, 'index.json'),
      JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
    );
    await writeFile(path.join(work, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    await run('tar', [...REPRODUCIBLE, '-cf', file, '-C', work, 'blobs', 'index.json', 'oci-layout']);
    return name;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
