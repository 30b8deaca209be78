/** Telemetry as a test wants it: quiet, without files, with warnings kept. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTelemetry, type TelemetryOptions } from '../../../sidecar/telemetry/create.ts';
import type { LogRecord } from '../../../sidecar/telemetry/summary.ts';
import type { Telemetry } from '../../../sidecar/telemetry/telemetry.ts';
import type { World } from './exchanges.ts';

export interface Made {
  telemetry: Telemetry;
  warnings: string[];
}

export const GAUGES: TelemetryOptions['gauges'] = {
  snapshotAgeMs: () => 1500,
  degraded: () => false,
  inFlight: () => 3,
  memoryUsedBytes: () => 4096,
  memoryLimitBytes: () => 33554432,
};

export async function make(of: World, options: Partial<TelemetryOptions> = {}): Promise<Made> {
  const warnings: string[] = [];
  const telemetry = await createTelemetry({
    version: '1.2.3',
    gauges: GAUGES,
    env: {},
    accessLog: false,
    warn: (message) => warnings.push(message),
    ...options,
  });
  telemetry.snapshotChanged(of.snapshot);
  return { telemetry, warnings };
}

export function logFile(): { path: string; text(): string; records(): (LogRecord & { msg: string })[] } {
  const path = join(mkdtempSync(join(tmpdir(), 'outrider-log-')), 'access.log');
  const text = (): string => readFileSync(path, 'utf8');
  return {
    path,
    text,
    records: () =>
      text()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
  };
}
