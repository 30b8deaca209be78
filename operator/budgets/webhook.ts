/** What a webhook is sent: JSON, signed with a key that the receiver knows, or with that key in a header. */
import { createHmac } from 'node:crypto';
import type { Webhook } from '../compile/watched-budgets.ts';
import type { Alert } from './alerts.ts';
import { dollars } from './readings.ts';

export interface Post {
  (call: { url: string; headers: Record<string, string>; body: string }): Promise<{ status: number }>;
}

/** @param now milliseconds since the epoch */
export function webhookCall(
  { url, header }: Webhook,
  alert: Alert,
  secret: string | undefined,
  now: number,
): Parameters<Post>[0] {
  const { reading, percent, id } = alert;
  const { budget, key, amount, spent, since } = reading;
  const { kind, namespace, name } = budget.owner;
  const body = JSON.stringify({
    type: 'BudgetAlert',
    id,
    at: new Date(now).toISOString(),
    owner: { kind, namespace, name },
    budget: budget.name,
    key,
    window: new Date(since).toISOString(),
    alertAt: percent,
    percent: reading.percent,
    spent: dollars(spent),
    amount: dollars(amount),
    currency: 'USD',
  });
  const timestamp = Math.floor(now / 1000).toString();
  return {
    url,
    headers: {
      'content-type': 'application/json',
      'x-outrider-event': 'BudgetAlert',
      'x-outrider-timestamp': timestamp,
      ...(secret === undefined
        ? {}
        : header === undefined
          ? { 'x-outrider-signature': `sha256=${sign(secret, `${timestamp}.${body}`)}` }
          : { [header.toLowerCase()]: secret }),
    },
    body,
  };
}

const sign = (secret: string, text: string): string =>
  createHmac('sha256', secret).update(text).digest('hex');
