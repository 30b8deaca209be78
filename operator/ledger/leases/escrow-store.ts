/** What may have been granted, kept before it is. One object for all budgets, written as a whole. */
import { promisify } from 'node:util';
import { gunzip as gunzipCallback, gzip as gzipCallback } from 'node:zlib';
import { LedgerUnreadable } from '../codec.ts';
import { LedgerConflict } from '../kept-shard.ts';
import type { Charge } from '../row.ts';
import { chargeOf, spendKey } from '../shard.ts';
import type { LedgerStore } from '../store.ts';
import type { Escrow } from './lease-book.ts';

const gzip = promisify(gzipCallback);
const gunzip = promisify(gunzipCallback);

const NAME = 'escrow';
const VERSION = 1;
const MAX_JSON_BYTES = 64 * 1024 * 1024;

interface Written {
  version: number;
  escrows: Record<string, [upTo: string, booked: string]>;
}

export class EscrowStore {
  readonly #store: LedgerStore;
  #version: string | undefined;

  constructor(store: LedgerStore) {
    this.#store = store;
  }

  /** Reads what is kept and writes it back: a leader before this one, which does not know yet, writes nothing any more. */
  async open(): Promise<[Charge, Escrow][]> {
    const stored = await this.#store.read(NAME);
    this.#version = stored?.version;
    const escrows = stored ? await decode(stored.bytes) : [];
    await this.write(escrows);
    return escrows;
  }

  /** Throws LedgerConflict where somebody else wrote, and whatever the store throws. */
  async write(escrows: readonly [Charge, Escrow][]): Promise<void> {
    const written: Written = {
      version: VERSION,
      escrows: Object.fromEntries(
        escrows.map(([charge, { upTo, booked }]) => [
          spendKey(charge),
          [upTo.toString(), booked.toString()] as [string, string],
        ]),
      ),
    };
    const bytes = await gzip(JSON.stringify(written), { level: 1 });
    const version = await this.#store.write(NAME, bytes, this.#version);
    if (version === undefined) throw new LedgerConflict(NAME);
    this.#version = version;
  }
}

async function decode(bytes: Buffer): Promise<[Charge, Escrow][]> {
  let written: Written;
  try {
    const json = await gunzip(bytes, { maxOutputLength: MAX_JSON_BYTES });
    written = JSON.parse(json.toString('utf8')) as Written;
  } catch (error) {
    throw new LedgerUnreadable(error instanceof Error ? error.message : String(error));
  }
  if (written.version !== VERSION) {
    throw new LedgerUnreadable(`the escrow is of version ${String(written.version)}, not ${VERSION}`);
  }
  return Object.entries(written.escrows).map(([name, [upTo, booked]]) => [
    chargeOf(name),
    { upTo: BigInt(upTo), booked: BigInt(booked) },
  ]);
}
