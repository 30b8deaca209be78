/** The ledger's own code at work for a while, with the operator's token: first rows, later ones, a day that closes, one that is old. */
import { configMapStore } from '../../../operator/ledger/config-map-store.ts';
import { Ledger } from '../../../operator/ledger/ledger.ts';
import type { ApiClient } from '../../../operator/watch/api-client.ts';
import { apiErrorFrom } from '../../../operator/watch/api-error.ts';
import { NAMESPACE } from './installation.ts';

const DAY_MS = 86_400_000;

/**
 * @param url of an API server in plain HTTP
 * @param name of a ledger that is not there yet
 */
export async function exerciseLedger(url: string, token: string, name: string): Promise<void> {
  const client = {
    async json<T>({ method = 'GET', path, query, body }: Parameters<ApiClient['json']>[0]): Promise<T> {
      const asked = query ? `?${new URLSearchParams(query as Record<string, string>).toString()}` : '';
      const answer = await fetch(url + path + asked, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = Buffer.from(await answer.arrayBuffer());
      if (!answer.ok) throw apiErrorFrom(answer.status, text, undefined);
      return JSON.parse(text.toString()) as T;
    },
  } as ApiClient;
  let now = Date.now();
  const ledger = new Ledger({
    store: configMapStore(client, NAMESPACE, `exercised-${name}`),
    now: () => now,
    lives: () => true,
    onProblem: (what, error) => {
      throw new Error(what, { cause: error });
    },
  });
  await ledger.open();
  for (const [seq, days] of [0, 0, 3, 40].entries()) {
    now += days * DAY_MS;
    ledger.accept({ uid: 'pod', namespace: 'shop' }, 'e', [
      { seq: seq + 1, type: 'Attempt', at: now, costNanoUsd: '1', usage: {} },
    ]);
    await ledger.flush();
  }
  ledger.close();
}
