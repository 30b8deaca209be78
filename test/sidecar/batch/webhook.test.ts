import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Deliver,
  type Delivery,
  delivererOf,
  hostProblem,
  signature,
} from '../../../sidecar/batch/webhook.ts';
import { type TlsReceiver, tlsReceiver } from '../../support/tls-receiver.ts';

const DELIVERY: Delivery = {
  id: 'async_or1',
  url: 'https://hooks.example.com/told',
  hosts: ['hooks.example.com'],
  secret: 'route/shop/told/main/webhook',
  at: 1_780_000_000,
  body: Buffer.from('{"type":"async.completed"}'),
};
const never = new AbortController().signal;

describe('who may be told', () => {
  it.each([
    ['https://hooks.example.com/x', ['hooks.example.com'], undefined],
    ['https://a.example.com/x', ['*.example.com'], undefined],
    ['https://example.com/x', ['*.example.com'], 'host example.com is not listed in async.webhook.hosts'],
    [
      'https://evil-example.com/x',
      ['*.example.com'],
      'host evil-example.com is not listed in async.webhook.hosts',
    ],
    ['http://hooks.example.com/x', ['hooks.example.com'], 'it is no https URL'],
  ])('%s of %o: %s', (url, hosts, problem) => {
    expect(hostProblem(url, hosts)).toBe(problem);
  });

  it.each([['127.0.0.1'], ['10.0.0.7'], ['169.254.169.254'], ['::1'], ['fd00::1']])(
    'nobody at %s, whatever the name',
    async (address) => {
      const deliver = delivererOf({
        secret: () => 'shh',
        resolve: () =>
          Promise.resolve([
            { address: '93.184.216.34', family: 4 },
            { address, family: 4 },
          ]),
      });
      expect(await deliver(DELIVERY, never)).toBe('it is not a public address');
    },
  );

  it('nobody without the secret, or a name that resolves', async () => {
    expect(await delivererOf({ secret: () => undefined })(DELIVERY, never)).toContain('secret');
    const unresolved = delivererOf({ secret: () => 'shh', resolve: () => Promise.reject(new Error('no')) });
    expect(await unresolved(DELIVERY, never)).toBe('its name cannot be resolved');
  });
});

describe('signatures', () => {
  it('are those of Standard Webhooks', () => {
    // The example of its specification.
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const body = Buffer.from('{"test": 2432232314}');
    expect(signature(secret, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330, body)).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
    const plain = createHmac('sha256', 'shh').update('a.1.').update(body).digest('base64');
    expect(signature('shh', 'a', 1, body)).toBe(`v1,${plain}`);
  });
});

describe('a delivery', () => {
  let receiver: TlsReceiver;

  beforeEach(async () => {
    receiver = await tlsReceiver('hooks.example.com');
  });
  afterEach(() => receiver.close());

  const deliver = (ca: string | undefined, signal = never): ReturnType<Deliver> =>
    delivererOf({
      secret: () => 'shh',
      resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
      isAllowed: () => true,
      ...(ca !== undefined && { ca }),
    })({ ...DELIVERY, url: `https://hooks.example.com:${receiver.port}/told?id=1` }, signal);

  it('goes by TLS to the address that was judged, under the name that was asked for, signed', async () => {
    expect(await deliver(receiver.ca)).toBeUndefined();
    const [{ path, headers, body }] = receiver.told as [TlsReceiver['told'][number]];
    expect(path).toBe('/told?id=1');
    expect(headers.host).toBe(`hooks.example.com:${receiver.port}`);
    expect(body).toEqual(DELIVERY.body);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': DELIVERY.id,
      'webhook-timestamp': String(DELIVERY.at),
      'webhook-signature': signature('shh', DELIVERY.id, DELIVERY.at, body),
    });
  });

  it('is not made to a host whose certificate nobody vouches for, or is for another name', async () => {
    expect(await deliver(undefined)).toMatch(
      /^it cannot be reached \((SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_)/,
    );
    const other = await tlsReceiver('other.example.com');
    const told = receiver;
    receiver = other;
    expect(await deliver(other.ca)).toBe('it cannot be reached (ERR_TLS_CERT_ALTNAME_INVALID)');
    expect([...told.told, ...other.told]).toEqual([]);
    await told.close();
  });

  it('fails by any other status, and follows nobody elsewhere', async () => {
    receiver.status = 500;
    expect(await deliver(receiver.ca)).toBe('it answered with status 500');
    receiver.status = 307;
    expect(await deliver(receiver.ca)).toBe('it answered with status 307');
    expect(receiver.told).toHaveLength(2);
  });

  it('is given up when it is not wanted any more', async () => {
    const aborted = AbortSignal.abort();
    expect(await deliver(receiver.ca, aborted)).toBe('it took too long');
    expect(receiver.told).toEqual([]);
  });
});
