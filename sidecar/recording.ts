/** The end of every exchange, a caller's or one of our own: settled, in the ledger, told to whoever watches, and counted. */
import { type RowSink, rowsOf } from './accounting/rows.ts';
import type { Exchange, ExchangeObserver } from './exchange.ts';
import type { Telemetry } from './telemetry/telemetry.ts';

export interface RecordingParts {
  rows: RowSink;
  /** Is told what each attempt cost, before the rows say so. */
  spend?: { settle(exchange: Exchange): void };
  /** Are told of every exchange once it is over and settled. */
  observers?: readonly ExchangeObserver[];
  telemetry: Pick<Telemetry, 'record'>;
  /** For faults of our own, which no caller's error text can explain. */
  warn: (message: string) => void;
}

/** Never throws. */
export function recordExchange(exchange: Exchange, parts: RecordingParts): void {
  const { rows, spend, telemetry, observers, warn } = parts;
  try {
    exchange.releaseBody();
    for (const attempt of exchange.attempts) exchange.settle(attempt);
    spend?.settle(exchange);
    for (const row of rowsOf(exchange)) rows.append(row);
    if (observers) for (const observer of observers) observer.completed(exchange);
    telemetry.record(exchange);
  } catch (error) {
    warn(`request ${exchange.id} could not be recorded: ${stackOf(error)}`);
  }
}

/** For the process log. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
