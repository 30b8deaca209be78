import { describe, expect, it } from 'vitest';
import { readInjectionSettings, settingsHash, syncPort } from '../../../operator/inject/settings.ts';
import { SETTINGS, settingsWith } from './support/case.ts';

describe('settings of injection', () => {
  it('has defaults for all that an installation need not decide', () => {
    expect(settingsWith()).toEqual({
      ...SETTINGS,
      excludedNamespaces: [],
      port: 4000,
      adminPort: 4001,
      adminHost: '0.0.0.0',
      startup: 'Wait',
      resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '160Mi' } },
      runAsUser: 65532,
      stateSize: '32Mi',
      spool: { size: '0', medium: 'Memory' },
      tokenAudience: 'outrider',
      tokenLifetimeSeconds: 3600,
      env: {},
    });
  });

  it.each([
    [{ image: '' }, 'image is ""; it must be a text of 1 to 512 characters'],
    [{ port: 80 }, 'port is 80; it must be a whole number from 1024 to 65535'],
    [{ port: '4000' }, 'port is "4000"; it must be a whole number from 1024 to 65535'],
    [{ adminPort: 4000 }, 'adminPort is 4000; it must differ from port'],
    [{ operatorUrl: 'http://operator' }, 'operatorUrl is "http://operator"; it must be https://HOST:PORT'],
    [
      { resources: { limits: { memory: '64m' } } },
      'resources.limits.memory is "64m"; it must be an amount of memory such as 128Mi',
    ],
    [
      { resources: { requests: { cpu: '2' }, limits: { cpu: '1500m' } } },
      'resources.requests.cpu is "2"; it must not exceed the limit 1500m',
    ],
    [{ startup: 'wait' }, 'startup is "wait"; it must be one of Wait, Proceed'],
    [{ env: { 'A-B': '' } }, 'env.A-B must be named as a variable of the environment'],
    [{ env: { OUTRIDER_OPERATOR: 'x' } }, 'env.OUTRIDER_OPERATOR is set by injection itself'],
    [{ env: { OUTRIDER_SPOOL_DIR: '/x' } }, 'env.OUTRIDER_SPOOL_DIR is set by injection itself'],
    [
      { spool: { size: '1Mi' } },
      'spool.size is "1Mi"; it must be "0" for none, or an amount from 2Mi to 1024Gi, such as 64Mi',
    ],
    [{ spool: { size: '2000Gi' } }, 'spool.size is "2000Gi"; it must be "0" for none'],
    [
      { spool: { size: '128Mi' } },
      'spool.size is "128Mi"; in memory, it must with stateSize, 32Mi, be below resources.limits.memory, 160Mi',
    ],
    [
      { spool: { size: '64Mi' }, env: { OUTRIDER_SPOOL_URL: 'rediss://batches' } },
      'spool.size is "64Mi"; with env.OUTRIDER_SPOOL_URL it must be "0"',
    ],
    [
      { spool: { size: '64Mi' }, spoolURLSecret: { name: 'batches', key: 'url' } },
      'spool.size is "64Mi"; with spoolURLSecret it must be "0"',
    ],
    [{ spoolURLSecret: { name: 'batches' } }, 'spoolURLSecret.key is required'],
    [{ runAsUser: 0 }, 'runAsUser is 0; it must be a whole number from 1 to 2147483647'],
    [{ prot: 1 }, 'prot is no setting; settings are version, image,'],
    [{ image: undefined }, 'image is required; it must be a text of 1 to 512 characters'],
  ])('refuses %j', (change, message) => {
    expect(() => readInjectionSettings({ ...SETTINGS, ...change })).toThrow(message);
  });

  it.each([
    { spool: { size: '127Mi' } },
    { spool: { size: '1024Gi', medium: 'Disk' } },
    { spool: { size: '1Gi' }, resources: {} },
    { env: { OUTRIDER_SPOOL_URL: 'rediss://batches', OUTRIDER_SPOOL_BYTES: '1048576' } },
    { spoolURLSecret: { name: 'batches', key: 'url' }, env: { OUTRIDER_SPOOL_URL: 'rediss://batches' } },
  ])('takes %j', (change) => {
    expect(readInjectionSettings({ ...SETTINGS, ...change })).toMatchObject(change);
  });

  it('has one hash for equal settings, in whatever order they were written', () => {
    const hash = settingsHash(settingsWith({ env: { A: '1', B: '2' } }));
    expect(hash).toMatch(/^[0-9a-f]{16}$/);
    expect(settingsHash(settingsWith({ env: { B: '2', A: '1' } }))).toBe(hash);
    expect(settingsHash(settingsWith({ env: { A: '1', B: '3' } }))).not.toBe(hash);
  });

  it('knows the port that sidecars connect to', () => {
    expect(syncPort(settingsWith())).toBe('8443');
    expect(syncPort(settingsWith({ operatorUrl: 'https://operator.example' }))).toBe('443');
    expect(syncPort(settingsWith({ operatorUrl: 'https://[fd00::1]:9443' }))).toBe('9443');
  });
});
