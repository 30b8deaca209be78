/** A store in memory that can fail as a real one does: before it wrote, or after it wrote without saying so. */
import type { LedgerStore, Stored } from '../../../operator/ledger/store.ts';

class StoreDown extends Error {}

export class MemoryStore implements LedgerStore {
  readonly objects = new Map<string, Stored>();
  writes = 0;
  /** Asked before every write. Lost: it is written, and the writer does not hear of it. */
  fate: (name: string) => 'Ok' | 'Refused' | 'Lost' = () => 'Ok';
  #version = 0;

  async read(name: string): Promise<Stored | undefined> {
    return this.objects.get(name);
  }

  async write(name: string, bytes: Buffer, version: string | undefined): Promise<string | undefined> {
    const fate = this.fate(name);
    if (fate === 'Refused') throw new StoreDown('down');
    if (this.objects.get(name)?.version !== version) return undefined;
    const next = String(++this.#version);
    this.objects.set(name, { bytes, version: next });
    this.writes++;
    if (fate === 'Lost') throw new StoreDown('no answer');
    return next;
  }

  async remove(name: string): Promise<void> {
    const fate = this.fate(name);
    if (fate === 'Refused') throw new StoreDown('down');
    this.objects.delete(name);
    if (fate === 'Lost') throw new StoreDown('no answer');
  }

  async names(): Promise<string[]> {
    return [...this.objects.keys()];
  }
}
