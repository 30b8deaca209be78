import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { givenCertificate } from '../../../operator/certificates/certificates.ts';
import { type FileCertificates, fileCertificates } from '../../../operator/certificates/files.ts';
import type { Log } from '../../../operator/watch/log.ts';
import { systemClock } from '../../../sidecar/snapshot/clock.ts';
import { until } from '../support/manual-clock.ts';
import { type TestAuthority, testAuthority } from '../sync/support/certificates.ts';

let directory: string;
let authority: TestAuthority;
let running: FileCertificates | undefined;
const said: string[] = [];
const log: Log = {
  debug() {},
  info: (_, message) => void said.push(message),
  warn: (fields, message) => void said.push(`${message}: ${JSON.stringify(fields)}`),
  error() {},
};

beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'outrider-files-'));
  authority = await testAuthority();
  said.length = 0;
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
  rmSync(directory, { recursive: true });
});

const file = (name: string) => path.join(directory, name);
const write = (name: string, text: string) => writeFileSync(file(name), text);

async function start(ca = true) {
  const issued = await authority.issue('a.test');
  write('tls.crt', issued.cert);
  write('tls.key', issued.key);
  write('ca.crt', authority.ca);
  const files = { cert: file('tls.crt'), key: file('tls.key'), ...(ca ? { ca: file('ca.crt') } : {}) };
  running = await fileCertificates(files, systemClock, log);
  return { certificates: running, issued };
}

describe('certificates from files', () => {
  it('are read, and again when they change, all together', async () => {
    const { certificates, issued } = await start();
    expect(certificates.serving.current).toEqual(issued);
    expect(certificates.trustBundle.current).toBe(authority.ca);
    const second = await authority.issue('b.test');
    write('tls.crt', second.cert);
    write('tls.key', second.key);
    write('ca.crt', `${authority.ca}\n${authority.ca}`);
    await until(() => certificates.serving.current?.cert === second.cert);
    await until(() => certificates.trustBundle.current !== authority.ca);
    expect(said).toContain('took a new certificate');
  });

  it('without a CA file publish nothing', async () => {
    const { certificates } = await start(false);
    expect(certificates.trustBundle.current).toBeUndefined();
  });

  it('that do not fit together are left aside until the other half is there', async () => {
    const { certificates, issued } = await start();
    const second = await authority.issue('b.test');
    write('tls.crt', second.cert);
    await until(() => said.some((text) => text.includes('do not belong together')));
    expect(certificates.serving.current).toEqual(issued);
    write('tls.key', second.key);
    await until(() => certificates.serving.current?.cert === second.cert);
    expect(said.join()).not.toContain('PRIVATE');
  });

  it('whose CA file is damaged keep publishing the one before', async () => {
    const { certificates } = await start();
    write('ca.crt', 'garbage');
    await until(() => said.some((text) => text.includes('not PEM')));
    expect(certificates.trustBundle.current).toBe(authority.ca);
  });

  it('that cannot be used at the start are a mistake told at once', async () => {
    write('tls.crt', 'x');
    write('tls.key', 'y');
    const files = { cert: file('tls.crt'), key: file('tls.key') };
    await expect(fileCertificates(files, systemClock, log)).rejects.toThrow('a certificate is not PEM');
    await expect(fileCertificates({ ...files, key: file('no') }, systemClock, log)).rejects.toThrow('ENOENT');
  });
});

describe('whoever follows a certificate', () => {
  it('is told the one there is, later ones once each, and nothing after leaving', async () => {
    const { certificates, issued } = await start();
    const heard: unknown[] = [];
    const leave = certificates.serving.subscribe(({ cert }) => heard.push(cert));
    expect(heard).toEqual([issued.cert]);
    const [second, third] = [await authority.issue('b.test'), await authority.issue('c.test')];
    write('tls.key', second.key);
    write('tls.crt', second.cert);
    await until(() => heard.length === 2);
    leave();
    write('tls.key', third.key);
    write('tls.crt', third.cert);
    await until(() => certificates.serving.current?.cert === third.cert);
    expect(heard).toEqual([issued.cert, second.cert]);
  });

  it('of a given one is told that one, and nothing of whom to trust', async () => {
    const issued = await authority.issue('a.test');
    const given = givenCertificate(issued);
    const heard: unknown[] = [];
    given.serving.subscribe((certificate) => heard.push(certificate));
    given.trustBundle.subscribe((bundle) => heard.push(bundle));
    expect(heard).toEqual([issued]);
  });
});
