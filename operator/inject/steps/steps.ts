/** All of what is done to a pod, in order. */
import { baseUrls, source } from './environment.ts';
import { defaultContainer, injected, label, maps, meshPorts } from './metadata.ts';
import { container, grace, volumes } from './sidecar.ts';
import type { Step } from './step.ts';

/** Steps that name containers by their place come before the one that inserts a container. */
export const STEPS: readonly Step[] = [
  maps,
  label,
  injected,
  defaultContainer,
  meshPorts,
  source,
  baseUrls,
  volumes,
  grace,
  container,
];
