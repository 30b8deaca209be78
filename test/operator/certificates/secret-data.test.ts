import { beforeAll, describe, expect, it } from 'vitest';
import { carryOut } from '../../../operator/certificates/carry-out.ts';
import { type Keyring, trustBundle } from '../../../operator/certificates/keyring.ts';
import { DEFAULT_LIFETIMES } from '../../../operator/certificates/rotation.ts';
import { fromSecretData, type SecretData, toSecretData } from '../../../operator/certificates/secret-data.ts';

const NOW = Date.parse('2026-11-20T10:00:00Z');
const OPTIONS = { now: NOW, names: ['outrider.x.svc', '10.0.0.1'] as const, lifetimes: DEFAULT_LIFETIMES };

const keyrings = new Map<string, Keyring>();
let stranger: Keyring;

beforeAll(async () => {
  const stable = await carryOut({ kind: 'Create', reason: '' }, undefined, OPTIONS);
  const introducing = await carryOut({ kind: 'Introduce' }, stable, OPTIONS);
  const retiring = await carryOut({ kind: 'Promote', unready: false }, introducing, OPTIONS);
  for (const keyring of [stable, introducing, retiring]) keyrings.set(keyring.state, keyring);
  stranger = await carryOut({ kind: 'Create', reason: '' }, undefined, OPTIONS);
});

const keyringOf = (state: string) => keyrings.get(state) as Keyring;
const decoded = (data: SecretData, key: string) => Buffer.from(data[key] ?? '', 'base64').toString();

function problemOf(data: SecretData): string | undefined {
  try {
    fromSecretData(data);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

describe.each(['Stable', 'Introducing', 'Retiring'])('in state %s, a Secret', (state) => {
  it('gives back what was put into it', () => {
    const keyring = keyringOf(state);
    expect(fromSecretData(toSecretData(keyring))).toEqual(keyring);
  });

  it('has the members that everybody looks for, and no key of a retired authority', () => {
    const keyring = keyringOf(state);
    const data = toSecretData(keyring);
    expect(decoded(data, 'tls.crt')).toBe(keyring.serving.cert);
    expect(decoded(data, 'tls.key')).toBe(keyring.serving.key);
    expect(decoded(data, 'ca.crt')).toBe(trustBundle(keyring));
    expect(Object.keys(data).filter((name) => name.endsWith('.key'))).toEqual(
      state === 'Introducing' ? ['tls.key', 'signer.key', 'next.key'] : ['tls.key', 'signer.key'],
    );
  });

  it('is believed in nothing when any member is missing, empty, garbage or somebody else\u2019s', () => {
    const data = toSecretData(keyringOf(state));
    const foreign = toSecretData(stranger);
    const garbage = ['', 'garbage', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'];
    for (const name of Object.keys(data)) {
      const others = Object.fromEntries(Object.entries(data).filter(([key]) => key !== name));
      expect(problemOf(others)).toBe(`${name} is missing`);
      const values = garbage.map((text) => Buffer.from(text).toString('base64'));
      if (name !== 'state.json' && foreign[name] !== undefined) values.push(foreign[name]);
      const believed = values.filter((value) => problemOf({ ...data, [name]: value }) === undefined);
      expect([name, believed]).toEqual([name, []]);
    }
  });
});

describe('a Secret', () => {
  it('whose serving certificate another authority signed is not believed, though all pairs fit', () => {
    const data = toSecretData(keyringOf('Stable'));
    const { 'tls.crt': cert, 'tls.key': key } = toSecretData(stranger);
    expect(() => fromSecretData({ ...data, 'tls.crt': cert as string, 'tls.key': key as string })).toThrow(
      'the authority has not signed the serving certificate',
    );
  });

  it('whose authority may not sign is not believed', () => {
    const { 'tls.crt': cert, 'tls.key': key, ...data } = toSecretData(keyringOf('Stable'));
    const posing = { ...data, 'tls.crt': cert, 'tls.key': key, 'signer.crt': cert, 'signer.key': key };
    expect(() => fromSecretData(posing as SecretData)).toThrow('may not sign');
  });

  it('with what somebody else added is believed as it was', () => {
    const keyring = keyringOf('Stable');
    expect(fromSecretData({ ...toSecretData(keyring), note: 'eA==' })).toEqual(keyring);
  });

  it('never has a key in what is said about it', () => {
    const data = toSecretData(keyringOf('Stable'));
    const value = Buffer.from('-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n');
    expect(() => fromSecretData({ ...data, 'tls.key': value.toString('base64') })).toThrow(
      /^a private key is not PEM$/,
    );
  });
});

describe('certificates', () => {
  it('are for the names they were asked for, and end with their authority', async () => {
    const short = { authorityMs: 86_400_000, servingMs: 90 * 86_400_000 };
    const keyring = await carryOut({ kind: 'Create', reason: '' }, undefined, {
      ...OPTIONS,
      lifetimes: short,
    });
    expect(keyring.serving.names).toEqual(['outrider.x.svc', '10.0.0.1']);
    expect(keyring.serving.notAfter).toBe(keyring.signer.notAfter);
    expect(keyring.signer.notAfter).toBe(NOW + 86_400_000);
  });
});
