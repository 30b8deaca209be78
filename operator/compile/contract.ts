/** The contract that this build compiles to. */
import { SNAPSHOT_VERSION } from '../../sidecar/snapshot/schema.ts';
import type { Contract } from './types.ts';

/** With a second version comes `previous`: a test holds that there is one as soon as SNAPSHOT_VERSION is greater than 1. */
export const CONTRACT: Contract = { version: SNAPSHOT_VERSION };
