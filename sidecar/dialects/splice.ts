/**
 * Builds the body for an upstream out of the received one by replacing byte ranges. Nothing is parsed and written again, so
 * number precision, key order and white space survive, and with them the provider's prompt cache.
 */
import { OutriderError } from '../../errors/table.ts';
import type { PatchBody } from '../snapshot/schema.ts';
import type { Envelope, MemberRange } from './envelope.ts';
import { capChanges, type OutputCap } from './output-cap.ts';
import { readIncludeUsage } from './stream-options.ts';

export interface SpliceOptions {
  /** Model the upstream is asked for; replaces the caller's, or is added where the caller named none. */
  model: string | undefined;
  patch: PatchBody;
  /** Ask for usage in the stream (`stream_options.include_usage`). */
  includeUsage: boolean;
  /** Tell the vendor to keep nothing of the answer (`store` of Responses). Absent: what the caller said stands. */
  unstored?: boolean;
  /** Of what the model may write, whatever caller and patch say. Absent: none. */
  cap?: OutputCap | undefined;
}

export interface SplicedBody {
  /** To be written in this order; views of the received body wherever it is unchanged. */
  chunks: Buffer[];
  /** Bytes in all chunks: the content-length. */
  length: number;
  changes: BodyChange[];
}

export interface BodyChange {
  member: string;
  action: 'Model' | 'Usage' | 'Set' | 'Default' | 'Remove';
  /** Something the caller asked for is lost: named in `x-outrider-warnings`. */
  lossy: boolean;
}

/** Never touched by a patch: they are what the request is about. */
const PROTECTED: ReadonlySet<string> = new Set(['model', 'messages', 'input', 'prompt', 'stream']);

const NO_CHANGES: BodyChange[] = [];

interface Edit {
  start: number;
  end: number;
  /** Undefined: deleted. */
  text: Buffer | undefined;
}

/** Nothing of the body is to be changed. */
export function isEmptyPatch({ set, default: defaults, remove }: PatchBody): boolean {
  return set.length === 0 && defaults.length === 0 && remove.length === 0;
}

/** Throws `duplicate_member` (400) when a member to be changed occurs twice in the body. */
export function spliceBody(envelope: Envelope, options: SpliceOptions): SplicedBody {
  const { body, members } = envelope;
  const { patch } = options;
  const modelStays = options.model === undefined || options.model === envelope.model;
  const usageStays = !options.includeUsage || envelope.includeUsage === true;
  const plain = isEmptyPatch(patch);
  const { unstored = false, cap } = options;
  if (modelStays && usageStays && plain && !unstored && cap === undefined) {
    return { chunks: [body], length: body.length, changes: NO_CHANGES };
  }

  const splice = new Splice(envelope);
  if (options.model !== undefined && !modelStays) {
    splice.put('model', JSON.stringify(options.model));
    splice.note('model', 'Model', false);
  }
  for (const name of patch.remove) {
    if (PROTECTED.has(name) || !members.has(name) || patch.set.some((entry) => entry.name === name)) continue;
    splice.remove(name);
    splice.note(name, 'Remove', true);
  }
  for (const { name, value } of patch.set) {
    if (PROTECTED.has(name)) continue;
    const text = JSON.stringify(value);
    const sent = members.get(name);
    if (sent && body.toString('utf8', sent.valueStart, sent.end) === text) continue;
    splice.put(name, text);
    splice.note(name, 'Set', sent !== undefined);
  }
  for (const { name, value } of patch.default) {
    if (PROTECTED.has(name) || members.has(name) || splice.has(name)) continue;
    splice.put(name, JSON.stringify(value));
    splice.note(name, 'Default', false);
  }
  if (unstored) {
    splice.put('store', 'false');
    splice.note('store', 'Set', members.has('store'));
  }
  if (cap) splice.cap(cap);
  if (!usageStays) splice.includeUsage();
  return splice.build();
}

/** Names that `patch` would change and that occur twice in the body: such a request must be refused. */
export function ambiguousMember(envelope: Envelope, patch: PatchBody): string | undefined {
  if (envelope.duplicates.length === 0) return undefined;
  const named = (name: string) =>
    patch.remove.includes(name) ||
    patch.set.some((entry) => entry.name === name) ||
    patch.default.some((entry) => entry.name === name);
  return envelope.duplicates.find((range) => named(range.name))?.name;
}

class Splice {
  private readonly envelope: Envelope;
  private readonly changes: BodyChange[] = [];
  /** New value by member; undefined: removed. */
  private readonly values = new Map<string, string | undefined>();
  private usage = false;

  constructor(envelope: Envelope) {
    this.envelope = envelope;
  }

  put(name: string, json: string): void {
    this.checkSingle(name);
    this.values.set(name, json);
  }

  remove(name: string): void {
    this.checkSingle(name);
    this.values.set(name, undefined);
  }

  has(name: string): boolean {
    return this.values.get(name) !== undefined;
  }

  note(member: string, action: BodyChange['action'], lossy: boolean): void {
    this.changes.push({ member, action, lossy });
  }

  cap(cap: OutputCap): void {
    const { body, members } = this.envelope;
    const read = (name: string): string | undefined => {
      if (this.values.has(name)) return this.values.get(name);
      const sent = members.get(name);
      return sent && body.toString('utf8', sent.valueStart, sent.end);
    };
    for (const { member, json, lossy } of capChanges(cap, read)) {
      this.put(member, json);
      this.note(member, 'Set', lossy);
    }
  }

  includeUsage(): void {
    this.checkSingle('stream_options');
    const sent = this.envelope.members.get('stream_options');
    // A patch that removed the member has the first word about what the caller sent, not about what we need.
    if (sent === undefined || this.values.has('stream_options')) {
      this.values.set('stream_options', '{"include_usage":true}');
    } else {
      this.usage = true;
    }
    this.note('stream_options', 'Usage', false);
  }

  build(): SplicedBody {
    const { body, members, duplicates } = this.envelope;
    const order = duplicates.length === 0 ? [...members.values()] : this.ordered();
    const edits: Edit[] = [];
    const lastKept = order.findLastIndex((range) => !this.isRemoved(range.name));
    for (const [index, range] of order.entries()) {
      const next = order[index + 1];
      if (!this.values.has(range.name)) {
        if (this.usage && range.name === 'stream_options') edits.push(mergeUsage(body, range));
        continue;
      }
      const value = this.values.get(range.name);
      if (value !== undefined) {
        edits.push({ start: range.valueStart, end: range.end, text: Buffer.from(value) });
      } else if (index < lastKept && next) {
        edits.push({ start: range.start, end: next.start, text: undefined });
      }
    }
    const kept = order[lastKept];
    const last = order.at(-1);
    // Behind the last member that stays: the removed tail goes, new members come.
    const tailStart = kept ? kept.end : (order[0]?.start ?? body.indexOf(0x7b) + 1);
    const tailEnd = last ? last.end : tailStart;
    const added = this.added(kept !== undefined);
    if (tailEnd > tailStart || added) {
      edits.push({ start: tailStart, end: tailEnd, text: added ? Buffer.from(added) : undefined });
    }
    return assemble(body, edits, this.changes);
  }

  private added(comma: boolean): string {
    let text = '';
    for (const [name, json] of this.values) {
      if (json === undefined || this.envelope.members.has(name)) continue;
      text += `${comma || text !== '' ? ',' : ''}${JSON.stringify(name)}:${json}`;
    }
    return text;
  }

  private isRemoved(name: string): boolean {
    return this.values.has(name) && this.values.get(name) === undefined;
  }

  private ordered(): MemberRange[] {
    const all = [...this.envelope.members.values(), ...this.envelope.duplicates];
    return all.sort((a, b) => a.start - b.start);
  }

  private checkSingle(name: string): void {
    if (this.envelope.duplicates.some((range) => range.name === name)) {
      throw new OutriderError('duplicate_member', { member: name });
    }
  }
}

function mergeUsage(body: Buffer, range: MemberRange): Edit {
  const found = readIncludeUsage(body, range);
  if (found.kind === 'Null') {
    return { start: range.valueStart, end: range.end, text: Buffer.from('{"include_usage":true}') };
  }
  if (found.kind === 'Present') return { start: found.start, end: found.end, text: Buffer.from('true') };
  const text = Buffer.from(found.empty ? '"include_usage":true' : '"include_usage":true,');
  return { start: found.at, end: found.at, text };
}

function assemble(body: Buffer, edits: Edit[], changes: BodyChange[]): SplicedBody {
  const chunks: Buffer[] = [];
  let length = 0;
  let at = 0;
  const push = (chunk: Buffer) => {
    if (chunk.length === 0) return;
    chunks.push(chunk);
    length += chunk.length;
  };
  for (const edit of edits) {
    push(body.subarray(at, edit.start));
    if (edit.text) push(edit.text);
    at = edit.end;
  }
  push(body.subarray(at));
  return { chunks, length, changes };
}
