/** `outrider usage`: the ledger, for those who pay. */
import { configMapStore } from '../operator/ledger/config-map-store.ts';
import { readUsage } from '../operator/ledger/reader.ts';
import { usageReport } from '../operator/ledger/usage-report.ts';
import { type ApiClient, apiClient } from '../operator/watch/api-client.ts';
import { apiConfig, loadKubeConfig } from '../operator/watch/api-config.ts';
import { describeError } from '../operator/watch/log.ts';
import { systemClock } from '../sidecar/snapshot/clock.ts';
import { readOrExplain } from './arguments.ts';
import { findLedger } from './usage/find-ledger.ts';
import { HELP, readOptions } from './usage/options.ts';
import { csv, json, table } from './usage/render.ts';

export async function main(args: string[]): Promise<number> {
  const read = readOrExplain('usage', HELP, () => readOptions(args, process.env, Date.now()));
  if ('exitCode' in read) return read.exitCode;
  const { from, to, by, namespace, output, ledger, kubeconfig } = read.settings;
  let client: ApiClient | undefined;
  try {
    loadKubeConfig(kubeconfig);
    client = apiClient(
      apiConfig(() => loadKubeConfig(kubeconfig)),
      systemClock,
    );
    const place = await findLedger(client, ledger);
    const days = await readUsage(configMapStore(client, place.namespace, place.name), from, to);
    const report = usageReport(days, { by, namespace });
    process.stdout.write({ table, csv, json }[output](report, by));
    if (report.lines.length === 0 && output === 'table') {
      process.stderr.write(
        `nothing was used from ${from} to ${to}, or ${place.namespace} has no ledger ${place.name}\n`,
      );
    }
    return 0;
  } catch (error) {
    process.stderr.write(`outrider usage: the ledger cannot be read: ${describeError(error)}\n`);
    return 2;
  } finally {
    client?.close();
  }
}
