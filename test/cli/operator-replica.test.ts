import { describe, expect, it } from 'vitest';
import { readSettings } from '../../cli/operator.ts';

const FILES = ['--tls-cert', 'c.pem', '--tls-key', 'k.pem'];
const OWN = ['--tls-mode', 'SelfIssued'];
const DAY_MS = 86_400_000;

describe('one of several replicas', () => {
  it('takes part in no election unless asked', () => {
    expect(readSettings(FILES, {})?.election).toBeUndefined();
    expect(readSettings([...FILES, '--leader-elect=false'], {})?.election).toBeUndefined();
  });

  it.each([
    [['--leader-elect'], {}],
    [['--leader-elect=true'], {}],
    [[], { OUTRIDER_LEADER_ELECT: 'true' }],
  ])('takes part when asked by %j %j, as who the downward API says', (args, env) => {
    const pod = {
      OUTRIDER_POD_NAME: 'outrider-7d9f-x2x',
      OUTRIDER_POD_NAMESPACE: 'outrider-system',
      OUTRIDER_POD_IP: '10.1.2.3',
    };
    expect(readSettings([...FILES, ...args], { ...env, ...pod })?.election).toEqual({
      namespace: 'outrider-system',
      name: 'outrider',
      replica: 'outrider-7d9f-x2x',
      host: '10.1.2.3',
    });
  });

  it('may keep its Lease elsewhere and wait for another time', () => {
    const args =
      '--leader-elect --lease-namespace ops --lease-name llm --lease-seconds 30 --pod-ip fd00::1'.split(' ');
    const election = readSettings([...FILES, ...args], {})?.election;
    expect(election).toMatchObject({ namespace: 'ops', name: 'llm', host: 'fd00::1', leaseSeconds: 30 });
  });

  it('on one machine is reached where it listens', () => {
    const args = ['--leader-elect', '--lease-namespace', 'ops', '--listen', '127.0.0.1:0'];
    expect(readSettings([...FILES, ...args], {})?.election).toMatchObject({ host: '127.0.0.1' });
  });
});

describe('certificates', () => {
  it('come from files unless told otherwise, and tell nobody whom to trust unless told', () => {
    expect(readSettings(FILES, {})).toMatchObject({
      tls: { mode: 'Files', files: { cert: 'c.pem', key: 'k.pem' } },
      trust: { webhooks: [] },
    });
    expect(readSettings([...FILES, '--tls-ca', 'ca.pem'], {})?.tls).toMatchObject({
      files: { ca: 'ca.pem' },
    });
  });

  it('that it issues itself are for its Service and live a year and 90 days', () => {
    expect(readSettings(OWN, { OUTRIDER_POD_NAMESPACE: 'outrider-system' })?.tls).toEqual({
      mode: 'SelfIssued',
      secret: { namespace: 'outrider-system', name: 'outrider-tls' },
      names: ['outrider.outrider-system.svc', 'outrider.outrider-system.svc.cluster.local'],
      lifetimes: { authorityMs: 365 * DAY_MS, servingMs: 90 * DAY_MS },
    });
  });

  it('that it issues itself may be for other names and lives', () => {
    const flags =
      '--pod-namespace x --tls-service llm --cluster-domain corp.test --tls-names 127.0.0.1,a.test';
    const lives = '--tls-secret s --tls-authority-days 30 --tls-serving-days 7';
    const args = [...OWN, ...flags.split(' '), ...lives.split(' '), '--webhook-configurations', 'a,b'];
    expect(readSettings(args, {})).toMatchObject({
      tls: {
        secret: { namespace: 'x', name: 's' },
        names: ['llm.x.svc', 'llm.x.svc.corp.test', '127.0.0.1', 'a.test'],
        lifetimes: { authorityMs: 30 * DAY_MS, servingMs: 7 * DAY_MS },
      },
      trust: {
        webhooks: [
          { kind: 'MutatingWebhookConfiguration', name: 'a' },
          { kind: 'MutatingWebhookConfiguration', name: 'b' },
        ],
      },
    });
  });
});

describe('flags that cannot be meant', () => {
  it.each([
    [[...FILES, '--leader-elect'], '--pod-ip is required: with --leader-elect, sidecars report to it'],
    [[...FILES, '--leader-elect', '--pod-ip', 'a b'], '--pod-ip is "a b"; it must be an IP address'],
    [
      [...FILES, '--leader-elect', '--pod-ip', '::1'],
      '--pod-namespace is required with --leader-elect outside a pod',
    ],
    [[...FILES, '--leader-elect=yes'], '--leader-elect is "yes"; it must be true or false'],
    [[...FILES, '--leader-elect', '--pod-ip', '::1', '--lease-seconds', '0'], '--lease-seconds is "0"'],
    [
      [...FILES, '--leader-elect', '--pod-ip', '::1', '--lease-namespace', '../x'],
      '--lease-namespace is "../x"',
    ],
    [OWN, '--pod-namespace is required with --tls-mode=SelfIssued outside a pod'],
    [['--tls-mode', 'Magic'], '--tls-mode is "Magic"; it must be Files or SelfIssued'],
    [[...OWN, '--pod-namespace', 'x', '--tls-names', 'a b'], '--tls-names has "a b"'],
    [[...OWN, '--pod-namespace', 'x', '--tls-serving-days', '9999'], '--tls-serving-days is "9999"'],
  ])('%j are refused with what would be right', (args, message) => {
    expect(() => readSettings(args, {})).toThrow(message);
  });
});
