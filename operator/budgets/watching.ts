/**
 * Watches what is spent while this replica leads: tells of alerts by Events and webhooks, sets metrics, and has statuses brought
 * up to date. It acts on nothing: budgets are kept by leases, whether anybody watches or not.
 */

import { API_VERSION } from '../../crds/common.ts';
import type { Clock, Timer } from '../../sidecar/snapshot/clock.ts';
import type { WatchedBudget } from '../compile/watched-budgets.ts';
import type { EventSink } from '../events.ts';
import { describeError, type Log } from '../watch/log.ts';
import type { AlertMarks } from './alert-marks.ts';
import { type Alert, dueAlerts, type Marks } from './alerts.ts';
import { budgetStatuses, dollars, type Reading, readingsOf, type Spending } from './readings.ts';
import { type Post, webhookCall } from './webhook.ts';

export interface BudgetMetrics {
  /** Keys of budgets that anything was spent by, by state; and of each budget the percentage of its fullest key. */
  stand(readings: readonly Reading[]): void;
  alerted(percent: number): void;
  webhook(result: 'Sent' | 'Retried' | 'Failed'): void;
}

export interface BudgetWatchOptions {
  spending: Spending;
  /** Whether the ledger is read and counted, and this replica leads. */
  isOpen: () => boolean;
  marks: AlertMarks;
  events: EventSink;
  /** The operator's one door outwards. */
  post: Post;
  /** The value of a Secret of that namespace; undefined: there is none that may be used. */
  secret: (namespace: string, ref: { name: string; key: string }) => string | undefined;
  clock: Clock;
  log: Log;
  metrics: BudgetMetrics;
  /** Owners of budgets about which there is something to say in their statuses. */
  changed: (owners: readonly WatchedBudget['owner'][]) => void;
}

const LOOK_MS = 2_000;
/** Tries of one webhook, the first included, and the waits between them. */
const MAX_TRIES = 5;
const FIRST_WAIT_MS = 1_000;
/** Webhooks under way at once; others are told at the next look. */
const MAX_UNDER_WAY = 16;

export class BudgetWatch {
  readonly #options: BudgetWatchOptions;
  #budgets: readonly WatchedBudget[] = [];
  #readings: readonly Reading[] = [];
  /** What owners were told of; a new configuration reads besides. */
  #told: readonly Reading[] = [];
  #marks: Marks | undefined;
  readonly #underWay = new Set<string>();
  /** Tries so far, of those that failed and are not given up. */
  readonly #tries = new Map<string, { count: number; notBefore: number }>();
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #isDirty = false;
  #stopped = false;

  constructor(options: BudgetWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#again();
  }

  /** What holds from now on. Amounts that changed are seen at once, so that the next status has them. */
  update(budgets: readonly WatchedBudget[]): void {
    const before = this.#budgets;
    this.#budgets = budgets;
    const isSame =
      before.length === budgets.length && budgets.every(({ body }, i) => body === before[i]?.body);
    if (!isSame && this.#options.isOpen()) this.#read();
  }

  /** For the status of the owner; undefined: it is not known. */
  statusOf({ kind, namespace, name }: Pick<WatchedBudget['owner'], 'kind' | 'namespace' | 'name'>) {
    if (!this.#options.isOpen()) return undefined;
    const own = this.#readings.filter(
      ({ budget: { owner } }) => owner.kind === kind && owner.namespace === namespace && owner.name === name,
    );
    return budgetStatuses(own);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#looking;
    if (!this.#marks || !this.#options.isOpen()) return;
    // What was told meanwhile need not be told by the next operator.
    await this.#keep(this.#marks).catch((error: unknown) => this.#warn(error));
  }

  #warn(error: unknown): void {
    this.#options.log.warn({ error: describeError(error) }, 'alerts of budgets could not be told or kept');
  }

  #again(): void {
    if (this.#stopped) return;
    this.#timer = this.#options.clock.after(LOOK_MS, () => {
      this.#looking = this.#look().finally(() => this.#again());
    });
  }

  async #look(): Promise<void> {
    const { isOpen, metrics, changed, marks } = this.#options;
    if (!isOpen()) {
      // Whoever leads meanwhile may have told of more.
      this.#marks = undefined;
      this.#readings = [];
      this.#told = [];
      this.#tries.clear();
      metrics.stand([]);
      return;
    }
    this.#read();
    metrics.stand(this.#readings);
    changed(differing(this.#told, this.#readings));
    this.#told = this.#readings;
    try {
      this.#marks ??= await marks.read();
      await this.#tell(this.#marks);
    } catch (error) {
      // What was told stays told; it is kept with the next look.
      this.#isDirty = true;
      this.#warn(error);
    }
  }

  #read(): void {
    const { spending, clock } = this.#options;
    this.#readings = this.#budgets.flatMap((budget) => readingsOf(budget, spending, clock.wall()));
  }

  async #tell(marks: Marks): Promise<void> {
    const { clock } = this.#options;
    const count = marks.size;
    const due = dueAlerts(this.#readings, marks, clock.wall());
    const fresh = due.filter(({ isNew }) => isNew);
    if (fresh.length > 0 || marks.size !== count) this.#isDirty = true;
    for (const alert of fresh) this.#write(alert);
    for (const { mark, reading } of due) {
      if (reading.budget.webhook) continue;
      mark.settled = true;
      this.#isDirty = true;
    }
    // Kept before anybody outside is told: of two leaders, one is refused here.
    if (!(await this.#keep(marks))) return;
    const now = clock.monotonic();
    for (const alert of due) {
      if (alert.mark.settled || this.#underWay.has(alert.id) || this.#underWay.size >= MAX_UNDER_WAY)
        continue;
      if ((this.#tries.get(alert.id)?.notBefore ?? 0) <= now) void this.#send(alert);
    }
  }

  /** False: another replica leads. */
  async #keep(marks: Marks): Promise<boolean> {
    if (!this.#isDirty) return true;
    this.#isDirty = false;
    if (await this.#options.marks.write(marks)) return true;
    this.#marks = undefined;
    return false;
  }

  #write({ reading, percent }: Alert): void {
    const { budget, key, spent, amount } = reading;
    this.#options.metrics.alerted(percent);
    const of = key === '' ? '' : ` of ${key}`;
    this.#options.events.emit({
      regarding: { apiVersion: API_VERSION, ...budget.owner },
      type: percent >= 100 ? 'Warning' : 'Normal',
      reason: percent >= 100 ? 'BudgetSpent' : 'BudgetAlert',
      action: 'Spend',
      note: `budget ${budget.name}${of} has reached ${percent} % of ${dollars(amount)} USD: ${dollars(spent)} USD are spent`,
    });
  }

  async #send(alert: Alert): Promise<void> {
    const { clock, post, log, metrics, secret } = this.#options;
    const { id, mark, reading } = alert;
    const { webhook, owner } = reading.budget;
    if (!webhook) return;
    this.#underWay.add(id);
    let why: string | undefined;
    try {
      const key = webhook.secretRef && secret(owner.namespace, webhook.secretRef);
      if (webhook.secretRef && key === undefined) throw new Error('its Secret cannot be used');
      const { status } = await post(webhookCall(webhook, alert, key, clock.wall()));
      if (status < 200 || status > 299) throw new Error(`it answered ${status}`);
    } catch (error) {
      why = describeError(error);
    } finally {
      this.#underWay.delete(id);
    }
    const count = (this.#tries.get(id)?.count ?? 0) + 1;
    if (why !== undefined && count < MAX_TRIES) {
      this.#tries.set(id, { count, notBefore: clock.monotonic() + FIRST_WAIT_MS * 4 ** (count - 1) });
      metrics.webhook('Retried');
      return;
    }
    this.#tries.delete(id);
    mark.settled = true;
    this.#isDirty = true;
    metrics.webhook(why === undefined ? 'Sent' : 'Failed');
    if (why !== undefined) {
      const { namespace, name } = owner;
      log.warn(
        { policy: `${namespace}/${name}`, budget: reading.budget.name, why },
        'a webhook was given up',
      );
    }
  }
}

/** Owners of what is not as it was. */
function differing(before: readonly Reading[], after: readonly Reading[]): WatchedBudget['owner'][] {
  const said = (readings: readonly Reading[]) =>
    new Map(
      [
        ...Map.groupBy(readings, ({ budget: { owner } }) => `${owner.kind} ${owner.namespace}/${owner.name}`),
      ].map(([name, of]) => [
        name,
        {
          owner: (of[0] as Reading).budget.owner,
          text: of.map(({ budget, key, spent, amount }) => `${budget.name} ${key} ${spent} ${amount}`).join(),
        },
      ]),
    );
  const [old, now] = [said(before), said(after)];
  const names = new Set([...old.keys(), ...now.keys()]);
  return [...names].flatMap((name) => {
    const entry = now.get(name) ?? old.get(name);
    return entry && old.get(name)?.text !== now.get(name)?.text ? [entry.owner] : [];
  });
}
