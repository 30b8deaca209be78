/** Who a provider is shown, from the credential to the bytes. */
import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { ProviderBody } from '../../../../sidecar/snapshot/schema.ts';
import type { MintRequest } from '../../../../sidecar/tokens/mint.ts';
import { signatureFault } from '../../../support/aws-signature.ts';
import { ask } from '../client.ts';
import type { FrontOptions } from '../front.ts';
import { front, type RawUpstream, upstream } from '../harness.ts';

const HOUR = 3_600_000;
const MODEL = 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0';
const SESSION = {
  accessKeyId: 'ASIASESSION',
  secretAccessKey: 'session/secret+key',
  sessionToken: 'session-token==',
};
const CONVERSE = {
  output: { message: { role: 'assistant', content: [{ text: 'Paris.' }] } },
  stopReason: 'end_turn',
  usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 },
};
const COMPLETION = {
  choices: [{ index: 0, message: { role: 'assistant', content: 'x' }, finish_reason: 'stop' }],
};

const answering = (body: object, status = 200) =>
  upstream((res) => {
    res.writeHead(status, { 'content-type': 'application/json' });
    res.end(JSON.stringify(body));
  });

async function front1(
  vendor: RawUpstream,
  type: ProviderBody['type'],
  credential: object,
  options: { key?: string; parameters?: object; dispatcher?: FrontOptions['dispatcher'] } = {},
) {
  const { key, parameters, dispatcher } = options;
  const f = await front({
    targets: [
      {
        url: `http://127.0.0.1:${vendor.port}`,
        model: MODEL,
        key: key ?? 'unused',
        body: { type, ...(parameters && { parameters }) },
      },
    ],
    ...(dispatcher && { dispatcher }),
  });
  const [candidate] = f.candidates;
  if (candidate?.credential) Object.assign(candidate.credential, credential);
  return f;
}

const headersOf = ({ requests }: RawUpstream, i = 0): IncomingHttpHeaders =>
  Object.fromEntries(
    (requests[i]?.rawHeaders ?? []).flatMap((name, at, all) =>
      at % 2 === 0 ? [[name.toLowerCase(), all[at + 1]]] : [],
    ),
  );

const BEDROCK = { parameters: { region: 'eu-central-1' } };

describe('a session of AWS', () => {
  it('signs each request, body and path, so that the service can tell', async () => {
    const vendor = await answering(CONVERSE);
    const f = await front1(
      vendor,
      'Bedrock',
      { type: 'AWSSession' },
      { ...BEDROCK, key: JSON.stringify(SESSION) },
    );
    const { status } = await ask(f.port).answer;
    expect(status).toBe(200);
    const [seen] = vendor.requests;
    const headers = headersOf(vendor);
    const request = { method: 'POST', path: seen?.url ?? '', headers, body: seen?.body ?? '' };
    expect(headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=ASIASESSION\/\d{8}\/eu-central-1\/bedrock\/aws4_request, /,
    );
    expect(headers['x-amz-security-token']).toBe(SESSION.sessionToken);
    expect(signatureFault(request, SESSION.secretAccessKey)).toBeUndefined();
    expect(signatureFault({ ...request, body: 'another' }, SESSION.secretAccessKey)).toBeDefined();
    expect(
      signatureFault({ ...request, path: '/model/other/converse' }, SESSION.secretAccessKey),
    ).toBeDefined();
    expect(JSON.stringify(seen?.rawHeaders)).not.toContain(SESSION.secretAccessKey);
  });

  it('that is none fails the request before anything is sent', async () => {
    const vendor = await answering(CONVERSE);
    const f = await front1(vendor, 'Bedrock', { type: 'AWSSession' }, { ...BEDROCK, key: 'not json' });
    const { status, text } = await ask(f.port).answer;
    expect({ status, text }).toMatchObject({
      status: 503,
      text: expect.stringContaining('credential_unavailable') as string,
    });
    expect(vendor.requests).toEqual([]);
  });
});

describe("a pod's own identity", () => {
  it('signs by a session that the pod gets when its first request needs one', async () => {
    const vendor = await answering(CONVERSE);
    const asked: MintRequest[] = [];
    const mint = (request: MintRequest) => {
      asked.push(request);
      return Promise.resolve({ value: JSON.stringify(SESSION), expiresAt: Date.now() + HOUR });
    };
    const workload = { cloud: 'AWS', region: 'eu-central-1' };
    const f = await front1(
      vendor,
      'Bedrock',
      { type: 'Workload', workload },
      { ...BEDROCK, dispatcher: { mint } },
    );
    expect((await ask(f.port).answer).status).toBe(200);
    expect((await ask(f.port).answer).status).toBe(200);
    expect(asked).toEqual([{ kind: 'AWSWebIdentity', region: 'eu-central-1', roleARN: undefined }]);
    expect(headersOf(vendor, 1).authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=ASIASESSION/);
  });

  it('is a bearer token at Azure, in place of the key', async () => {
    const vendor = await answering(COMPLETION);
    const mint = () => Promise.resolve({ value: 'entra-token', expiresAt: Date.now() + HOUR });
    const credential = { type: 'Workload', workload: { cloud: 'Azure' } };
    const f = await front1(vendor, 'AzureOpenAI', credential, {
      dispatcher: { mint },
      parameters: { apiVersion: 'v1' },
    });
    expect((await ask(f.port).answer).status).toBe(200);
    expect(headersOf(vendor)).toMatchObject({ authorization: 'Bearer entra-token' });
    expect(headersOf(vendor)['api-key']).toBeUndefined();
  });

  it('that no cloud knows is a failure of ours, and nothing is sent', async () => {
    const vendor = await answering(COMPLETION);
    const mint = () => Promise.reject(new Error('no'));
    const credential = { type: 'Workload', workload: { cloud: 'Azure' } };
    const f = await front1(vendor, 'AzureOpenAI', credential, { dispatcher: { mint } });
    expect((await ask(f.port).answer).status).toBe(503);
    expect(vendor.requests).toEqual([]);
  });

  it('that no cloud knows leaves the request to the next target', async () => {
    const [first, second] = [await answering(COMPLETION), await answering(COMPLETION)];
    const f = await front({
      targets: [
        { url: first.url, key: 'unused' },
        { url: second.url, key: 'sk-ours' },
      ],
      dispatcher: { mint: () => Promise.reject(new Error('no')) },
    });
    Object.assign(f.candidates[0]?.credential ?? {}, { type: 'Workload', workload: { cloud: 'Azure' } });
    const { status, headers } = await ask(f.port).answer;
    expect([status, headers['x-outrider-target']]).toEqual([200, 't1']);
    expect([first.requests.length, second.requests.length]).toEqual([0, 1]);
    const { steps } = await f.finished();
    expect(steps).toContainEqual({
      stage: 'dispatch',
      what: 'CredentialMissing',
      detail: expect.stringMatching(/^target t0: credential .* has not reached this sidecar$/) as string,
    });
  });
});

describe("a caller's own key", () => {
  it.each([[{ authorization: 'Bearer mine' }], [{ 'x-api-key': 'mine' }], [{ 'x-goog-api-key': 'mine' }]])(
    'goes on as the vendor takes keys, however it came: %o',
    async (headers) => {
      const azure = await answering(COMPLETION);
      const f = await front1(
        azure,
        'AzureOpenAI',
        { type: 'Passthrough' },
        { parameters: { apiVersion: 'v1' } },
      );
      await ask(f.port, { headers }).answer;
      const seen = headersOf(azure);
      expect(seen['api-key']).toBe('mine');
      expect([seen.authorization, seen['x-api-key'], seen['x-goog-api-key']]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    },
  );
});
