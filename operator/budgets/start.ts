/** The watch over budgets with what it needs: its marks beside the ledger, its door outwards. */

import { secretsOf } from '../compile/secrets.ts';
import { outboundWebhooks } from '../credentials/outbound.ts';
import type { EventSink } from '../events.ts';
import { configMapStore } from '../ledger/config-map-store.ts';
import type { LedgerKeeping, LedgerSettings } from '../ledger/keeping.ts';
import type { WatchMeans } from '../watch/reflector.ts';
import type { Source } from '../watch/source.ts';
import { AlertMarks } from './alert-marks.ts';
import { type BudgetMetrics, BudgetWatch, type BudgetWatchOptions } from './watching.ts';

export interface BudgetParts extends WatchMeans {
  source: Source;
  settings: LedgerSettings;
  ledger: LedgerKeeping;
  isLeader: () => boolean;
  credentialsNamespaces: readonly string[];
  egressHosts: readonly string[];
  metrics: BudgetMetrics;
  events: EventSink;
  changed: BudgetWatchOptions['changed'];
  /** Unset: over the network. */
  post?: BudgetWatchOptions['post'];
}

export interface WatchedBudgets {
  readonly watch: BudgetWatch;
  stop(): Promise<void>;
}

export function prepareBudgets(parts: BudgetParts): WatchedBudgets {
  const { client, settings, ledger, isLeader, source, credentialsNamespaces, egressHosts, post } = parts;
  const watch = new BudgetWatch({
    ...parts,
    spending: ledger.leasing,
    isOpen: () => isLeader() && ledger.leasing.isOpen,
    marks: new AlertMarks(configMapStore(client, settings.namespace, settings.name)),
    post: outboundWebhooks({ egressHosts }, post),
    secret(namespace, { name, key }) {
      const found = secretsOf(source.resources().secrets, credentialsNamespaces).read(namespace, name, key);
      return found.ok ? found.value : undefined;
    },
  });
  return {
    watch,
    stop: () => watch.stop(),
  };
}
