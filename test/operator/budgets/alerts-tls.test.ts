/** Alerts of budgets through the operator's own door, to a real receiver by TLS. */
import { createHmac } from 'node:crypto';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { webhookCall } from '../../../operator/budgets/webhook.ts';
import { outboundWebhooks } from '../../../operator/credentials/outbound.ts';
import { type TlsReceiver, tlsReceiver } from '../../support/tls-receiver.ts';
import { aBudget } from './support.ts';

const NOW = Date.parse('2026-03-10T12:00:00Z');
const trusted = getCACertificates('default');
let receiver: TlsReceiver;

beforeEach(async () => {
  receiver = await tlsReceiver('127.0.0.1');
});

afterEach(async () => {
  setDefaultCACertificates(trusted);
  await receiver.close();
});

const alert = {
  id: 'policy/platform/teams/monthly/80/1/shop',
  percent: 80,
  reading: {
    budget: aBudget(),
    key: 'shop',
    amount: 500_000_000_000n,
    spent: 405_000_000_000n,
    since: NOW,
    until: NOW + 1,
    percent: 81,
    windowEnds: NOW + 1,
  },
} as unknown as Parameters<typeof webhookCall>[1];

const called = (egressHosts: string[] = ['127.0.0.1']): Promise<{ status: number }> => {
  const url = `https://127.0.0.1:${receiver.port}/budgets?from=outrider`;
  return outboundWebhooks({ egressHosts })(webhookCall({ url }, alert, 'shh', NOW));
};

describe('an alert', () => {
  it('comes to whoever is trusted, signed over its very bytes', async () => {
    setDefaultCACertificates([...trusted, receiver.ca]);
    expect((await called()).status).toBe(204);
    const [{ path, headers, body }] = receiver.told as [TlsReceiver['told'][number]];
    expect(path).toBe('/budgets?from=outrider');
    expect(JSON.parse(String(body))).toMatchObject({ type: 'BudgetAlert', key: 'shop', spent: '405.00' });
    const timestamp = String(headers['x-outrider-timestamp']);
    const signed = createHmac('sha256', 'shh').update(`${timestamp}.`).update(body).digest('hex');
    expect(headers['x-outrider-signature']).toBe(`sha256=${signed}`);
  });

  it('is not told to a host whose certificate nobody vouches for', async () => {
    await expect(called()).rejects.toThrow(/cannot be reached \((SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_)/);
    expect(receiver.told).toEqual([]);
  });

  it('is not told to a host that nobody let the operator dial, and follows nobody elsewhere', async () => {
    setDefaultCACertificates([...trusted, receiver.ca]);
    await expect(called(['hooks.example.com'])).rejects.toThrow(/not among the hosts/);
    receiver.status = 302;
    expect((await called()).status).toBe(302);
    expect(receiver.told).toHaveLength(1);
  });
});
