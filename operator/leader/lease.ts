/** PURE: the Lease that says who leads, read from the API's words and written in them. */
import type { KubeObject } from '../../crds/common.ts';

/** Where the holder takes what only a leader may take: `host:port`. */
export const ADDRESS_ANNOTATION = 'outrider.dev/leader-address';

export interface LeaseObject extends KubeObject {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    leaseTransitions?: number;
    /** MicroTime: six digits after the point. */
    acquireTime?: string;
    renewTime?: string;
  };
}

export interface LeaseRecord {
  /** Empty where nobody holds it. */
  readonly holder: string;
  readonly address: string | undefined;
  /** How long others wait after the last change they saw; undefined where the object does not say. */
  readonly durationMs: number | undefined;
  /** Changes of holder so far: the term of the present one. Undefined where nobody ever held it. */
  readonly transitions: number | undefined;
  /** Changes with every renewal, and with nothing that others write into the object's metadata. */
  readonly signature: string;
  readonly object: LeaseObject;
}

const MAX_DURATION_S = 3600;

export function readLease(object: LeaseObject): LeaseRecord {
  const spec = object.spec ?? {};
  const { holderIdentity, leaseDurationSeconds: seconds, leaseTransitions } = spec;
  return {
    holder: holderIdentity ?? '',
    address: readAddress(object.metadata.annotations?.[ADDRESS_ANNOTATION]),
    durationMs:
      seconds !== undefined && seconds > 0 && seconds <= MAX_DURATION_S ? seconds * 1000 : undefined,
    transitions: leaseTransitions,
    signature: JSON.stringify([holderIdentity, seconds, leaseTransitions, spec.acquireTime, spec.renewTime]),
    object,
  };
}

/** It goes into a header, and whoever may annotate a Lease wrote it. */
function readAddress(text: string | undefined): string | undefined {
  return text !== undefined && /^[\w.[\]:-]{3,300}$/.test(text) ? text : undefined;
}

export interface Tenure {
  holder: string;
  address: string;
  durationMs: number;
  transitions: number;
  /** MicroTimes. */
  acquireTime: string;
  renewTime: string;
}

/** `base` with this tenure in it: its labels, its version and the annotations of others stay. */
export function held(base: LeaseObject, tenure: Tenure): LeaseObject {
  return {
    ...base,
    metadata: {
      ...base.metadata,
      annotations: { ...base.metadata.annotations, [ADDRESS_ANNOTATION]: tenure.address },
    },
    spec: {
      ...base.spec,
      holderIdentity: tenure.holder,
      leaseDurationSeconds: Math.ceil(tenure.durationMs / 1000),
      leaseTransitions: tenure.transitions,
      acquireTime: tenure.acquireTime,
      renewTime: tenure.renewTime,
    },
  };
}

/** `base` given back: free for whoever looks next. */
export function released(base: LeaseObject, renewTime: string): LeaseObject {
  const annotations = { ...base.metadata.annotations };
  delete annotations[ADDRESS_ANNOTATION];
  return {
    ...base,
    metadata: { ...base.metadata, annotations },
    spec: { ...base.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime },
  };
}

/**
 * @param wall milliseconds since the epoch
 * @param count of writes so far; goes into the digits below a millisecond, so that no two writes of one holder look alike
 *   even where its clock stands still or is set back.
 */
export function microTime(wall: number, count: number): string {
  const micros = String(count % 1000).padStart(3, '0');
  return `${new Date(Math.floor(wall)).toISOString().slice(0, -1)}${micros}Z`;
}
