import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Delivery, delivererOf, hostProblem, signature } from '../../../sidecar/batch/webhook.ts';

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
