/** The sidecar of a scenario: serves the items that it reads as one line of JSON. The value of a key is the key's own id. */
import { createInterface } from 'node:readline';
import type { Snapshot } from '../../sidecar/snapshot/schema.ts';
import { serve } from '../served.ts';

const { value } = await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next();
await serve(JSON.parse(value as string) as Snapshot['items'], (id) =>
  `key ${id}`.replaceAll(/[^A-Za-z0-9]/g, '-'),
);
