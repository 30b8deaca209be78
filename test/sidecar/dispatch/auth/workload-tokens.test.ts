import { beforeEach, expect, it } from 'vitest';
import { WorkloadTokens } from '../../../../sidecar/dispatch/auth/workload-tokens.ts';
import type { CredentialBody } from '../../../../sidecar/snapshot/schema.ts';
import type { Minted, MintRequest } from '../../../../sidecar/tokens/mint.ts';

const HOUR = 3_600_000;
const credential = (roleARN?: string): CredentialBody => ({
  name: 'main',
  id: 'shop/bedrock/main',
  type: 'Workload',
  weight: 1,
  workload: { cloud: 'AWS', region: 'eu-central-1', ...(roleARN !== undefined && { roleARN }) },
});

let now: number;
let asked: MintRequest[];
let answer: () => Promise<Minted>;
let tokens: WorkloadTokens;
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

beforeEach(() => {
  now = Date.parse('2026-11-20T12:00:00Z');
  asked = [];
  answer = () => Promise.resolve({ value: `token-${asked.length}`, expiresAt: now + HOUR });
  tokens = new WorkloadTokens(
    (request) => {
      asked.push(request);
      return answer();
    },
    { wall: () => now },
  );
});

it('is got by the first request that needs it, once for all that wait, and then at hand', async () => {
  const first = tokens.ready(credential());
  const second = tokens.ready(credential());
  expect([first, second].every((each) => each instanceof Promise)).toBe(true);
  await first;
  await second;
  expect(asked).toEqual([{ kind: 'AWSWebIdentity', region: 'eu-central-1', roleARN: undefined }]);
  expect(tokens.ready(credential())).toBeUndefined();
  expect(tokens.value(credential())).toBe('token-1');
});

it('is got anew in its last five minutes without a request waiting, and waited for after its end', async () => {
  await tokens.ready(credential());
  now += HOUR - 299_000;
  expect(tokens.ready(credential())).toBeUndefined();
  await settle();
  expect(tokens.value(credential())).toBe('token-2');
  now += 2 * HOUR;
  expect(tokens.value(credential())).toBeUndefined();
  await tokens.ready(credential());
  expect(tokens.value(credential())).toBe('token-3');
});

it('that no cloud gives fails the request, and is not asked for again at once', async () => {
  answer = () => Promise.reject(new Error('no'));
  await expect(tokens.ready(credential())).rejects.toMatchObject({ code: 'credential_unavailable' });
  await expect(tokens.ready(credential())).rejects.toMatchObject({ code: 'credential_unavailable' });
  expect(asked).toHaveLength(1);
  now += 5_000;
  answer = () => Promise.resolve({ value: 'late', expiresAt: now + HOUR });
  await tokens.ready(credential());
  expect(tokens.value(credential())).toBe('late');
});

it('belongs to one identity: another role has one of its own', async () => {
  await tokens.ready(credential());
  await tokens.ready(credential('arn:aws:iam::123456789012:role/other'));
  expect(asked.at(-1)).toMatchObject({ roleARN: 'arn:aws:iam::123456789012:role/other' });
  tokens.retain(new Set());
  expect(tokens.value(credential())).toBeUndefined();
});

it('needs none where the credential is another', () => {
  expect(tokens.ready(undefined)).toBeUndefined();
  const { workload: _, ...key } = credential();
  expect(tokens.ready({ ...key, type: 'APIKey' })).toBeUndefined();
});
