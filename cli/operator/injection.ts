/** How pods come by their sidecars: who injects, with which settings, and what is done about pods that were missed. */
import { hostname } from 'node:os';
import type { InjectionOptions } from '../../operator/inject/injection.ts';
import { type Arguments, UsageError } from '../arguments.ts';
import { injectionSettings } from '../inject/settings-file.ts';

export const INJECTION_FLAGS = ['injection-settings', 'webhook', 'repair', 'evictions-per-minute'];

export const INJECTION_HELP = `\
  --injection-settings FILE      pods are given sidecars by these settings, in YAML; unset: off  OUTRIDER_INJECTION_SETTINGS
  --webhook HOST:PORT            where the API server asks about pods (HTTPS); unset: nowhere,   OUTRIDER_WEBHOOK
                                 and admission policies or nobody injects
  --repair true|false            tell of pods that should have a sidecar and have none; true     OUTRIDER_REPAIR
  --evictions-per-minute N       evict such pods, so many a minute at most; never                OUTRIDER_EVICTIONS_PER_MINUTE
`;

/** Undefined: off. */
export type InjectionChoice = (Omit<InjectionOptions, 'settings'> & { settingsFile: string }) | undefined;

export function readInjection(given: Arguments): InjectionChoice {
  const settingsFile = given.text('injection-settings');
  if (settingsFile === undefined) {
    const idle = INJECTION_FLAGS.find((flag) => given.text(flag) !== undefined);
    if (idle !== undefined) throw new UsageError(`--${idle} does nothing without --injection-settings`);
    return undefined;
  }
  const evictionsPerMinute = given.integer('evictions-per-minute', 1, 600);
  const repair = given.choice('repair', ['true', 'false']) !== 'false';
  if (!repair && evictionsPerMinute !== undefined) {
    throw new UsageError('--evictions-per-minute does nothing with --repair=false');
  }
  return {
    settingsFile,
    replica: given.text('pod-name') ?? hostname(),
    ...(given.text('webhook') === undefined ? {} : { webhook: given.address('webhook', '0.0.0.0:9443') }),
    ...(repair ? { repair: evictionsPerMinute === undefined ? {} : { evictionsPerMinute } } : {}),
  };
}

/** @throws UnusableSettings */
export async function loadInjection(choice: InjectionChoice): Promise<{ injection?: InjectionOptions }> {
  if (!choice) return {};
  const { settingsFile, ...options } = choice;
  return { injection: { ...options, settings: await injectionSettings(settingsFile) } };
}
