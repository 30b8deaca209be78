/** Certificates that somebody else issues and renews, such as cert-manager: read from files, and again when they change. */
import { readFile } from 'node:fs/promises';
import type { Clock } from '../../sidecar/snapshot/clock.ts';
import type { Certificate } from '../sync/server.ts';
import { FileWatcher } from '../watch/file-watcher.ts';
import { describeError, type Log } from '../watch/log.ts';
import { type Certificates, sameCertificate } from './certificates.ts';
import { LatestValue } from './latest.ts';
import { checkBundle, checkPair } from './read-credential.ts';

export interface CertificateFiles {
  /** Paths; PEM. */
  cert: string;
  key: string;
  /** Whom sidecars and the API server shall trust. Unset: that is seen to elsewhere. */
  ca?: string;
}

export interface FileCertificates extends Certificates {
  stop(): Promise<void>;
}

/** Rejects where the files cannot be used now; later ones that cannot be used are left aside. */
export async function fileCertificates(
  files: CertificateFiles,
  clock: Clock,
  log: Log,
): Promise<FileCertificates> {
  const serving = new LatestValue<Certificate>(sameCertificate);
  const trustBundle = new LatestValue<string>();
  const read = async () => {
    const [cert, key] = await Promise.all([readFile(files.cert, 'utf8'), readFile(files.key, 'utf8')]);
    const bundle = files.ca === undefined ? undefined : await readFile(files.ca, 'utf8');
    checkPair(cert, key);
    if (bundle !== undefined) checkBundle(bundle);
    if (bundle !== undefined) trustBundle.set(bundle);
    serving.set({ cert, key });
  };
  const watcher = new FileWatcher({
    paths: Object.values(files),
    clock,
    async onChange() {
      try {
        await read();
        log.info({}, 'took a new certificate');
      } catch (error) {
        // The files are not replaced at the same moment; the next change brings the other half.
        log.warn(
          { error: describeError(error) },
          'the certificate and its key do not fit; the old ones stay',
        );
      }
    },
  });
  await watcher.start();
  try {
    await read();
  } catch (error) {
    await watcher.stop();
    throw error;
  }
  return { serving, trustBundle, stop: () => watcher.stop() };
}
