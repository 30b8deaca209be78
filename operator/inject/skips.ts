/** Pods that want a sidecar and cannot have one: left alone, with a reason. The first rule that applies gives it. */
import { ANNOTATIONS } from './annotations.ts';
import { celString } from './cel.ts';
import { CONTAINER } from './names.ts';
import type { Subject } from './subject.ts';

export type SkipReason = 'MirrorPod' | 'HostNetwork' | 'Windows' | 'SharedProcesses' | 'ForeignContainer';

export interface Skip {
  reason: SkipReason;
  /** A sentence for the owner of the pod, without a full stop. */
  message: string;
}

interface SkipRule extends Skip {
  applies: (subject: Subject) => boolean;
  cel: string;
}

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';
const ALLOW_SHARED = ANNOTATIONS.shareProcessNamespace.annotation;

export const SKIP_RULES: readonly SkipRule[] = [
  {
    reason: 'MirrorPod',
    message: 'it shows a static pod, which the kubelet runs from a file',
    applies: ({ annotations }) => MIRROR_ANNOTATION in annotations,
    cel: `${celString(MIRROR_ANNOTATION)} in variables.annotations`,
  },
  {
    reason: 'HostNetwork',
    message: 'it uses the network of its node, where other pods and processes could call the sidecar',
    applies: ({ pod }) => pod.spec.hostNetwork === true,
    cel: 'object.spec.?hostNetwork.orValue(false)',
  },
  {
    reason: 'Windows',
    message: 'it is for Windows nodes, and the sidecar runs on Linux',
    applies: ({ pod: { spec } }) =>
      spec.os?.name === 'windows' || spec.nodeSelector?.['kubernetes.io/os'] === 'windows',
    cel: '(object.spec.?os.?name.orValue("") == "windows" || object.spec.?nodeSelector[?"kubernetes.io/os"].orValue("") == "windows")',
  },
  {
    reason: 'SharedProcesses',
    message: `its containers see each other's processes, so the app could read the keys in the memory of the sidecar; the annotation ${ALLOW_SHARED}: "Allow" accepts that`,
    applies: ({ pod, values }) => pod.spec.shareProcessNamespace === true && !values.shareProcessNamespace,
    cel: '(object.spec.?shareProcessNamespace.orValue(false) && variables.shareProcessNamespace == "")',
  },
  {
    reason: 'ForeignContainer',
    message: `it has a container named ${CONTAINER} that is not the sidecar`,
    applies: ({ ours, inits, containers }) =>
      (!ours && inits.some(({ name }) => name === CONTAINER)) ||
      containers.some(({ name }) => name === CONTAINER),
    cel: `((!variables.ours && variables.inits.exists(c, c.name == ${celString(CONTAINER)})) || object.spec.containers.exists(c, c.name == ${celString(CONTAINER)}))`,
  },
];

/** What a person reads: warnings of the API server, Events, the command line. */
export const skipMessage = ({ message }: Pick<Skip, 'message'>): string =>
  `the pod is left without a sidecar: ${message}`;

export function skipOf(subject: Subject): Skip | undefined {
  const rule = SKIP_RULES.find(({ applies }) => applies(subject));
  return rule && { reason: rule.reason, message: rule.message };
}

/** A CEL expression: the message, or the empty string where the pod is not skipped. */
export function celSkip(): string {
  return SKIP_RULES.reduceRight(
    (otherwise, rule) => `${rule.cel} ? ${celString(skipMessage(rule))} :\n${otherwise}`,
    '""',
  );
}
