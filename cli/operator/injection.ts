/** How pods come by their sidecars: who injects, with which settings, and what is done about pods that were missed. */
import { hostname } from 'node:os';
import type { InjectionOptions } from '../../operator/inject/injection.ts';
import { type Arguments, UsageError } from '../arguments.ts';
import { injectionSettings } from '../inject/settings-file.ts';

export const INJECTION_FLAGS = [
  'injection',
  'injection-settings',
  'injection-listen',
  'injection-failure-policy',
  'injection-policy-owner',
  'evictions-per-minute',
];

export const INJECTION_HELP = `\
  --injection MODE               Off; Webhook: served here; Policy: by the API server itself,    OUTRIDER_INJECTION
                                 Kubernetes 1.36 or newer; External: somebody else injects
  --injection-settings FILE      image and all else of the sidecars, in YAML                     OUTRIDER_INJECTION_SETTINGS
  --injection-listen HOST:PORT   Webhook: where the API server calls (HTTPS); 0.0.0.0:9443       OUTRIDER_INJECTION_LISTEN
  --injection-failure-policy ... Policy: Fail, or Ignore while one cannot be carried out; Fail   OUTRIDER_INJECTION_FAILURE_POLICY
  --injection-policy-owner NAME  Policy: ClusterRole that the policies go with; none             OUTRIDER_INJECTION_POLICY_OWNER
  --evictions-per-minute N       evict pods without a sidecar, so many at most; never            OUTRIDER_EVICTIONS_PER_MINUTE
`;

/** Undefined: off. */
export type InjectionChoice = (Omit<InjectionOptions, 'settings'> & { settingsFile: string }) | undefined;

export function readInjection(given: Arguments): InjectionChoice {
  const type = given.choice('injection', ['Off', 'Webhook', 'Policy', 'External']) ?? 'Off';
  const evictionsPerMinute = given.integer('evictions-per-minute', 1, 600);
  const failurePolicy = given.choice('injection-failure-policy', ['Fail', 'Ignore']);
  const ownerClusterRole = given.text('injection-policy-owner');
  if (type === 'Off') {
    const idle = INJECTION_FLAGS.slice(1).find((flag) => given.text(flag) !== undefined);
    if (idle !== undefined) throw new UsageError(`--${idle} does nothing without --injection`);
    return undefined;
  }
  return {
    settingsFile: given.required('injection-settings'),
    replica: given.text('pod-name') ?? hostname(),
    mode: modeOf(),
    ...(evictionsPerMinute === undefined ? {} : { evictionsPerMinute }),
  };

  function modeOf(): InjectionOptions['mode'] {
    if (type === 'Webhook') return { type, listen: given.address('injection-listen', '0.0.0.0:9443') };
    if (type !== 'Policy') return { type: 'None' };
    return {
      type,
      ...(failurePolicy === undefined ? {} : { failurePolicy }),
      ...(ownerClusterRole === undefined ? {} : { ownerClusterRole }),
    };
  }
}

/** @throws UnusableSettings */
export async function loadInjection(choice: InjectionChoice): Promise<{ injection?: InjectionOptions }> {
  if (!choice) return {};
  const { settingsFile, ...options } = choice;
  return { injection: { ...options, settings: await injectionSettings(settingsFile) } };
}
