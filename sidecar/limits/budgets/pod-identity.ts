/**
 * Who the pod is, as its own projected token says it: the token is not verified here, since nobody but ourselves is told. The
 * workload is read off the name, in the form that Kubernetes' controllers give to names of pods.
 */
import type { PodIdentity } from './keys.ts';

/** Letters of generated suffixes: no vowels, no figures that look like letters. */
const RANDOM = '[bcdfghjklmnpqrstvwxz2456789]';
/** Deployment: hash of the template, then five letters. */
const OF_DEPLOYMENT = new RegExp(`^(.+)-${RANDOM}{6,10}-${RANDOM}{5}$`);
/** ReplicaSet, DaemonSet, Job. */
const OF_OTHERS = new RegExp(`^(.+)-${RANDOM}{5}$`);
const OF_STATEFUL_SET = /^(.+)-\d{1,9}$/;

export function workloadOf(pod: string): string {
  const match = OF_DEPLOYMENT.exec(pod) ?? OF_OTHERS.exec(pod) ?? OF_STATEFUL_SET.exec(pod);
  return match?.[1] ?? pod;
}

/** `workload`: instead of what the name says. Undefined: it is no token of a pod. */
export function identityOf(token: string, workload?: string): PodIdentity | undefined {
  try {
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
    const { 'kubernetes.io': claims } = JSON.parse(payload) as {
      'kubernetes.io'?: { namespace?: unknown; pod?: { name?: unknown } };
    };
    const { namespace, pod } = claims ?? {};
    if (typeof namespace !== 'string' || typeof pod?.name !== 'string') return undefined;
    return { namespace, workload: workload ?? workloadOf(pod.name) };
  } catch {
    return undefined;
  }
}
