/** What is kept of each release: its contract, a recorded conversation of its two sides, and its sidecar's side as code. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { SnapshotClient } from '../../../sidecar/snapshot/client.ts';
import type { CredentialStore } from '../../../sidecar/snapshot/credentials.ts';
import type { ConfigHolder } from '../../../sidecar/snapshot/holder.ts';

/** Elements of lists are `[]`. */
export interface RecordedField {
  required: boolean;
  takes: string;
  values?: string[];
}

export interface RecordedContract {
  version: number;
  features: string[];
  fields: { Route: Record<string, RecordedField>; Provider: Record<string, RecordedField> };
}

/** One request and its answer. Of a stream, `body` is the text that came over it up to the next exchange. */
export interface Exchange {
  method: string;
  path: string;
  /** Those that say something about the protocol. */
  headers: Record<string, string>;
  request?: unknown;
  status: number;
  answerHeaders: Record<string, string>;
  body: unknown;
}

export interface Conversation {
  /** One list per step of the scenario; the text of the stream belongs to the step in which it came. */
  steps: { stream: string; exchanges: Exchange[] }[];
}

/** The part of a release's sidecar that talks to the operator. */
export interface ReleasedSidecar {
  SnapshotClient: typeof SnapshotClient;
  ConfigHolder: typeof ConfigHolder;
  CredentialStore: typeof CredentialStore;
}

export const RELEASES = path.resolve(import.meta.dirname, '../releases');

/** The release before this version, newest last in the folder's order of numbers. */
export function lastRelease(): string {
  const number = (name: string) => name.split('.').map(Number);
  const sorted = readdirSync(RELEASES).sort((a, b) => {
    const [x, y] = [number(a), number(b)];
    return (x[0] ?? 0) - (y[0] ?? 0) || (x[1] ?? 0) - (y[1] ?? 0) || (x[2] ?? 0) - (y[2] ?? 0);
  });
  const last = sorted.at(-1);
  if (last === undefined) throw new Error(`no release is recorded in ${RELEASES}`);
  return last;
}

const read = (release: string, file: string): unknown =>
  JSON.parse(readFileSync(path.join(RELEASES, release, file), 'utf8'));

export const recordedContract = (release: string) => read(release, 'contract.json') as RecordedContract;
export const recordedConversation = (release: string) => read(release, 'conversation.json') as Conversation;
export const releasedSidecar = (release: string): Promise<ReleasedSidecar> =>
  import(path.join(RELEASES, release, 'sidecar.mjs')) as Promise<ReleasedSidecar>;
