/** What of alerts was told, kept beside the ledger: one object, written as a whole. */
import { promisify } from 'node:util';
import { gunzip as gunzipCallback, gzip as gzipCallback } from 'node:zlib';
import type { LedgerStore } from '../ledger/store.ts';
import type { Marks } from './alerts.ts';

const gzip = promisify(gzipCallback);
const gunzip = promisify(gunzipCallback);

const NAME = 'alerts';
const VERSION = 1;
const MAX_JSON_BYTES = 16 * 1024 * 1024;

interface Written {
  version: number;
  marks: Record<string, [percent: number, until: number, settled: boolean]>;
}

export class AlertMarks {
  readonly #store: LedgerStore;
  #version: string | undefined;

  constructor(store: LedgerStore) {
    this.#store = store;
  }

  /** What is kept. Throws where it cannot be read: nobody is told anything then, rather than everything once more. */
  async read(): Promise<Marks> {
    const stored = await this.#store.read(NAME);
    this.#version = stored?.version;
    if (!stored) return new Map();
    const json = await gunzip(stored.bytes, { maxOutputLength: MAX_JSON_BYTES });
    const { version, marks } = JSON.parse(json.toString('utf8')) as Written;
    if (version !== VERSION) throw new Error(`the marks of alerts are of version ${version}, not ${VERSION}`);
    return new Map(
      Object.entries(marks).map(([name, [percent, until, settled]]) => [name, { percent, until, settled }]),
    );
  }

  /** False: somebody else wrote, who leads now. Throws what the store throws. */
  async write(marks: Marks): Promise<boolean> {
    const written: Written = {
      version: VERSION,
      marks: Object.fromEntries(
        [...marks].map(([name, { percent, until, settled }]) => [name, [percent, until, settled]]),
      ),
    };
    const bytes = await gzip(JSON.stringify(written), { level: 1 });
    const version = await this.#store.write(NAME, bytes, this.#version);
    this.#version = version;
    return version !== undefined;
  }
}
