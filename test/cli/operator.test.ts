import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSettings } from '../../cli/operator.ts';
import { allCrds } from '../../crds/definitions.ts';
import { type ApiServer, startApiServer } from '../../dev/api-server/server.ts';
import { until } from '../operator/support/manual-clock.ts';
import { testAuthority } from '../operator/sync/support/certificates.ts';

const TLS = ['--tls-cert', 'c.pem', '--tls-key', 'k.pem'];

describe('flags and variables', () => {
  it('have defaults that read no Secret and export nothing', () => {
    expect(readSettings(TLS, {})).toEqual({
      kubeconfig: undefined,
      listen: { host: '0.0.0.0', port: 8443 },
      admin: { host: '0.0.0.0', port: 8081 },
      tls: { mode: 'Files', files: { cert: 'c.pem', key: 'k.pem' } },
      election: undefined,
      ledger: undefined,
      trust: { webhooks: [] },
      jwksFile: undefined,
      logLevel: 'info',
      options: {
        adminHosts: [],
        namespaces: ['*'],
        credentialsNamespaces: [],
        platformNamespaces: [],
        egressHosts: [],
        identity: {},
      },
    });
  });

  it('take lists, addresses and names; a flag wins over its variable', () => {
    const args = [...TLS, '--listen', '[::1]:9443', '--namespaces', 'a, b,a', '--token-audience', 'mine'];
    const env = {
      OUTRIDER_LISTEN: '127.0.0.1:1',
      OUTRIDER_ADMIN: 'localhost:0',
      OUTRIDER_CREDENTIALS_NAMESPACES: '*',
      OUTRIDER_PLATFORM_NAMESPACES: 'platform',
      OUTRIDER_TOKEN_ISSUER: 'https://issuer.example',
      OUTRIDER_ADMIN_HOSTS: 'Operator.Example',
      OUTRIDER_NAMESPACES: '*',
    };
    expect(readSettings(args, env)).toMatchObject({
      listen: { host: '::1', port: 9443 },
      admin: { host: 'localhost', port: 0 },
      options: {
        adminHosts: ['operator.example'],
        namespaces: ['a', 'b'],
        credentialsNamespaces: ['*'],
        platformNamespaces: ['platform'],
        identity: { issuer: 'https://issuer.example', audience: 'mine' },
      },
    });
    expect(readSettings(['--help'], {})).toBeUndefined();
  });

  it('say whether pods are given sidecars, and how', () => {
    const read = (...args: string[]) => readSettings([...TLS, ...args], {})?.injection;
    const settings = ['--injection-settings', 's.yaml', '--pod-name', 'outrider-0'];
    const common = { settingsFile: 's.yaml', replica: 'outrider-0' };
    expect(read()).toBeUndefined();
    expect(read(...settings)).toEqual({ ...common, repair: {} });
    expect(read(...settings, '--webhook', '[::]:9443', '--evictions-per-minute', '6')).toEqual({
      ...common,
      webhook: { host: '::', port: 9443 },
      repair: { evictionsPerMinute: 6 },
    });
    expect(read(...settings, '--repair', 'false')).toEqual(common);
  });

  it.each([
    [[], '--tls-cert is required'],
    [[...TLS, '--listen', '8443'], '--listen is "8443"; it must be HOST:PORT, such as 0.0.0.0:8443'],
    [[...TLS, '--admin', 'x:99999'], '--admin is "x:99999"; it must be HOST:PORT, such as 0.0.0.0:8081'],
    [[...TLS, '--namespaces', 'a,B!'], '--namespaces has "b!"; it must be a list of names: a,b,c'],
    [[...TLS, '--log-level', 'loud'], '--log-level is "loud"; it must be debug or info or warn or error'],
    [[...TLS, 'extra'], '"extra" is not expected; the command takes flags only'],
    [
      [...TLS, '--evictions-per-minute', '6'],
      '--evictions-per-minute does nothing without --injection-settings',
    ],
    [
      [...TLS, '--injection-settings', 's', '--repair', 'false', '--evictions-per-minute', '6'],
      '--evictions-per-minute does nothing with --repair=false',
    ],
    [
      [...TLS, '--injection-settings', 's', '--webhook', '9443'],
      '--webhook is "9443"; it must be HOST:PORT, such as 0.0.0.0:9443',
    ],
    [[...TLS, '--nonsense'], "Unknown option '--nonsense'"],
  ])('are refused with what would be right: %j', (args, message) => {
    expect(() => readSettings(args, {})).toThrow(message);
  });
});

describe('the process', () => {
  let dir: string;
  let api: ApiServer;

  beforeEach(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'outrider-cli-'));
    api = await startApiServer({ crds: allCrds() });
    write('kubeconfig', api.kubeconfig());
  });

  afterEach(async () => {
    await api.close();
    rmSync(dir, { recursive: true, force: true });
  });

  function write(name: string, text: string): string {
    const file = path.join(dir, name);
    writeFileSync(file, text);
    return file;
  }

  function start(args: string[]) {
    const child = spawn(process.execPath, ['bin/outrider.js', 'operator', ...args]);
    const running = { output: '', code: undefined as number | null | undefined, child };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => {
        running.output += text;
      });
    }
    child.on('exit', (code) => {
      running.code = code;
    });
    return running;
  }

  const get = (port: number, target: string) =>
    new Promise<number>((resolve, reject) => {
      http
        .get({ host: '127.0.0.1', port, path: target, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        })
        .on('error', reject);
    });

  /** Serial number of the certificate that is served. */
  const served = (port: number, ca: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = tls.connect({ host: '127.0.0.1', port, ca }, () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      });
      socket.on('error', reject);
    });

  it('becomes ready, takes a renewed certificate, and ends in order on SIGTERM', async () => {
    const authority = await testAuthority();
    const first = await authority.issue('127.0.0.1');
    const cert = write('tls.crt', first.cert);
    const key = write('tls.key', first.key);
    const kubeconfig = path.join(dir, 'kubeconfig');
    const flags = '--listen 127.0.0.1:0 --admin 127.0.0.1:0 --credentials-namespaces *'.split(' ');
    const operator = start(['--kubeconfig', kubeconfig, '--tls-cert', cert, '--tls-key', key, ...flags]);
    try {
      await until(() => operator.output.includes('operator is up'), 'the operator');
      const up = JSON.parse(
        operator.output.split('\n').find((line) => line.includes('operator is up')) ?? '',
      ) as { sync: { port: number }; admin: { port: number } };
      await until(async () => (await get(up.admin.port, '/readyz')) === 200, 'readiness');
      const before = await served(up.sync.port, authority.ca);
      const second = await authority.issue('127.0.0.1');
      write('tls.key', second.key);
      write('tls.crt', second.cert);
      await until(
        async () => (await served(up.sync.port, authority.ca)) !== before,
        'the renewed certificate',
      );
      operator.child.kill('SIGTERM');
      await until(() => operator.code !== undefined, 'the end');
      expect(operator.code).toBe(0);
      expect(operator.output).not.toContain('"level":50');
    } finally {
      operator.child.kill('SIGKILL');
    }
  });

  it('says what is wrong and ends where it cannot start', async () => {
    const missing = start(['--kubeconfig', path.join(dir, 'absent'), ...TLS]);
    const usage = start([]);
    await until(() => missing.code !== undefined && usage.code !== undefined, 'both to end');
    expect(missing.code).toBe(1);
    expect(missing.output).toContain('ENOENT');
    expect(usage.code).toBe(2);
    expect(usage.output).toContain('outrider operator: --tls-cert is required');
    expect(existsSync(path.join(dir, 'absent'))).toBe(false);
  });
});
