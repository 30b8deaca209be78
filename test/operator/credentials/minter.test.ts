import { beforeEach, describe, expect, it } from 'vitest';
import type { Mint } from '../../../operator/compile/mints.ts';
import { Minter } from '../../../operator/credentials/minter.ts';
import { silentLog } from '../../../operator/watch/log.ts';
import type { Minted, MintRequest } from '../../../sidecar/tokens/mint.ts';
import { MintError } from '../../../sidecar/tokens/token-io.ts';
import { ManualClock } from '../support/manual-clock.ts';

const HOUR = 3_600_000;
const ID = 'shop/bedrock/main';
const request = (accessKeyId = 'AKIA1'): MintRequest => ({
  kind: 'AWSKeys',
  region: 'eu-central-1',
  accessKeyId,
  secretAccessKey: 'long-lived',
  roleARN: undefined,
  externalId: undefined,
});
const wants = (of?: MintRequest): Mint[] => [{ id: ID, request: of }];

let clock: ManualClock;
let asked: MintRequest[];
let changes: number;
let warnings: string[];
let answer: (request: MintRequest) => Promise<Minted>;
let minter: Minter;
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

beforeEach(() => {
  clock = new ManualClock();
  asked = [];
  changes = 0;
  warnings = [];
  answer = () => Promise.resolve({ value: `token-${asked.length}`, expiresAt: clock.wall() + HOUR });
  minter = new Minter({
    mint: (wanted) => {
      asked.push(wanted);
      return answer(wanted);
    },
    clock,
    random: () => 0.5,
    log: { ...silentLog, warn: (_: object, text: string) => warnings.push(text) },
    changed: () => {
      changes++;
    },
  });
});

describe('a token', () => {
  it('is got when it is first wanted, and not again for the same', async () => {
    minter.update(wants(request()));
    expect(minter.tokens().size).toBe(0);
    await settle();
    expect(minter.tokens().get(ID)).toMatchObject({ ok: true, value: 'token-1' });
    expect(changes).toBe(1);
    minter.update(wants(request()));
    await settle();
    expect(asked).toHaveLength(1);
  });

  it('is replaced when a quarter of its life is left, by one with another version', async () => {
    minter.update(wants(request()));
    await settle();
    const first = minter.tokens().get(ID);
    await clock.pass(0.74 * HOUR, settle);
    expect(asked).toHaveLength(1);
    await clock.pass(0.02 * HOUR, settle);
    const second = minter.tokens().get(ID);
    expect(second).toMatchObject({ ok: true, value: 'token-2' });
    expect(second).not.toMatchObject({ version: (first as { version: string }).version });
  });

  it('stays until its end while the cloud refuses, and is gone then, with the reason', async () => {
    minter.update(wants(request()));
    await settle();
    answer = () => Promise.reject(new MintError('sts answered with status 403 (AccessDenied)'));
    await clock.pass(0.99 * HOUR, settle);
    expect(minter.tokens().get(ID)).toMatchObject({ ok: true, value: 'token-1' });
    const before = changes;
    await clock.pass(0.02 * HOUR, settle);
    expect(minter.tokens().get(ID)).toEqual({
      ok: false,
      message: 'sts answered with status 403 (AccessDenied)',
    });
    expect(changes).toBeGreaterThan(before);
  });

  it('for keys of before that comes late does not take the place of one for the new keys', async () => {
    const answers: ((minted: Minted) => void)[] = [];
    answer = () => new Promise((resolve) => answers.push(resolve));
    minter.update(wants(request('AKIA1')));
    minter.update(wants(request('AKIA2')));
    const expiresAt = clock.wall() + HOUR;
    answers[1]?.({ value: 'new', expiresAt });
    await settle();
    answers[0]?.({ value: 'old', expiresAt });
    await settle();
    expect(asked).toEqual([request('AKIA1'), request('AKIA2')]);
    expect(minter.tokens().get(ID)).toMatchObject({ ok: true, value: 'new' });
  });

  it('of before is kept while one for new keys is got', async () => {
    minter.update(wants(request()));
    await settle();
    let give: ((minted: Minted) => void) | undefined;
    answer = () =>
      new Promise((resolve) => {
        give = resolve;
      });
    minter.update(wants(request('AKIA2')));
    await settle();
    expect(asked.at(-1)).toMatchObject({ accessKeyId: 'AKIA2' });
    expect(minter.tokens().get(ID)).toMatchObject({ value: 'token-1' });
    give?.({ value: 'of AKIA2', expiresAt: clock.wall() + HOUR });
    await settle();
    expect(minter.tokens().get(ID)).toMatchObject({ value: 'of AKIA2' });
  });

  it('stays in use while the spec cannot be read, and is forgotten when it is gone', async () => {
    minter.update(wants(request()));
    await settle();
    minter.update(wants());
    expect(minter.tokens().get(ID)).toMatchObject({ ok: true });
    minter.update([]);
    expect(minter.tokens().size).toBe(0);
    expect(clock.waits).toEqual([]);
  });
});

describe('a cloud that refuses', () => {
  it('is asked again, less and less often, and complained of once', async () => {
    answer = () => Promise.reject(new MintError('oauth2.googleapis.com cannot be reached (ENOTFOUND)'));
    minter.update(wants(request()));
    await settle();
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      waits.push(clock.waits[0] ?? 0);
      clock.advance(clock.waits[0] ?? 0);
      await settle();
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    expect(warnings).toEqual(['a cloud gave no token: oauth2.googleapis.com cannot be reached (ENOTFOUND)']);
    expect(changes).toBe(1);
  });

  it('in an unforeseen way is told of without a word of it', async () => {
    answer = () => Promise.reject(new Error('long-lived'));
    minter.update(wants(request()));
    await settle();
    expect(minter.tokens().get(ID)).toEqual({ ok: false, message: 'no token could be made' });
    expect(warnings.join()).not.toContain('long-lived');
  });
});

it('asks for sixteen tokens at a time at most', async () => {
  const gives: ((minted: Minted) => void)[] = [];
  answer = () => new Promise((resolve) => gives.push(resolve));
  minter.update(Array.from({ length: 40 }, (_, i) => ({ id: `shop/p/${i}`, request: request(`AKIA${i}`) })));
  await settle();
  expect(asked).toHaveLength(16);
  gives[0]?.({ value: 't', expiresAt: clock.wall() + HOUR });
  await settle();
  expect(asked).toHaveLength(17);
});

it('does nothing more once it is stopped', async () => {
  minter.update(wants(request()));
  await settle();
  minter.stop();
  minter.update(wants(request('AKIA2')));
  await clock.pass(2 * HOUR, settle);
  expect(asked).toHaveLength(1);
  expect(minter.tokens().size).toBe(0);
});
