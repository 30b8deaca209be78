/**
 * Reads a multipart form as it comes: small fields are kept, the content of its one file is handed on piece by piece, so that
 * no more than a piece is ever in memory. Fields may come before and after the file.
 */
import { OutriderError } from '../../errors/table.ts';

export interface Form {
  fields: Map<string, string>;
  /** Undefined: there is none. */
  filename: string | undefined;
}

const MAX_FIELDS = 16;
const MAX_VALUE = 4096;
const MAX_HEAD = 4096;
const HEAD_END = Buffer.from('\r\n\r\n');
const NOTHING = Buffer.alloc(0);

type Part = { name: string; filename: string | undefined; value: Buffer };

/** `write` gets the content of the field `file`. Throws `invalid_member` (400) where the form is none. */
export async function readForm(
  chunks: AsyncIterable<Buffer>,
  boundary: string,
  write: (piece: Buffer) => Promise<void>,
): Promise<Form> {
  const form: Form = { fields: new Map(), filename: undefined };
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  // The first one has no line end in front of it.
  let held: Buffer = Buffer.from('\r\n');
  let state: 'Preamble' | 'Delimiter' | 'Head' | 'Body' | 'Over' = 'Preamble';
  let part: Part | undefined;
  const take = async (piece: Buffer): Promise<void> => {
    if (part === undefined || piece.length === 0) return;
    if (part.filename !== undefined) {
      await write(piece);
      return;
    }
    if (part.value.length + piece.length > MAX_VALUE) {
      throw bad(part.name, `longer than ${MAX_VALUE} bytes`, 'shorter');
    }
    part.value = Buffer.concat([part.value, piece]);
  };
  for await (const chunk of chunks) {
    if (state === 'Over') continue;
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    for (let more = true; more; ) {
      more = false;
      if (state === 'Preamble' || state === 'Body') {
        const at = held.indexOf(delimiter);
        if (at >= 0) {
          await take(held.subarray(0, at));
          keep(form, part);
          part = undefined;
          held = held.subarray(at + delimiter.length);
          state = 'Delimiter';
          more = true;
        } else if (held.length >= delimiter.length) {
          // What may be the beginning of a delimiter waits for the rest of it.
          const sure = held.length - delimiter.length + 1;
          await take(held.subarray(0, sure));
          held = held.subarray(sure);
        }
      } else if (state === 'Delimiter' && held.length >= 2) {
        state = held.toString('latin1', 0, 2) === '--' ? 'Over' : 'Head';
        held = state === 'Over' ? NOTHING : held;
        more = state === 'Head';
      } else if (state === 'Head') {
        const at = held.indexOf(HEAD_END);
        if (at < 0 && held.length > MAX_HEAD) throw bad('the form', 'one with long headers', 'shorter');
        if (at >= 0) {
          part = partOf(held.toString('utf8', 0, at));
          if (part.filename !== undefined) {
            if (form.filename !== undefined) throw bad('file', 'there twice', 'one file');
            form.filename = part.filename;
          } else if (form.fields.size >= MAX_FIELDS) {
            throw bad('the form', 'too long', `at most ${MAX_FIELDS} fields`);
          }
          held = held.subarray(at + HEAD_END.length);
          state = 'Body';
          more = true;
        }
      }
    }
  }
  if (state !== 'Over') throw bad('the form', 'cut off', 'whole');
  return form;
}

/** Of a content-type; undefined: it is no multipart form. */
export function boundaryOf(contentType: string | undefined): string | undefined {
  if (!/^multipart\/form-data\s*;/i.test(contentType ?? '')) return undefined;
  const found = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType ?? '');
  return found?.[1] ?? found?.[2];
}

function keep(form: Form, part: Part | undefined): void {
  if (part && part.filename === undefined) form.fields.set(part.name, part.value.toString('utf8'));
}

function partOf(head: string): Part {
  const disposition = /^content-disposition:\s*form-data(.*)$/im.exec(head)?.[1] ?? '';
  const name = parameter(disposition, 'name');
  if (name === undefined) throw bad('the form', 'one with a nameless part', 'parts that all have names');
  const filename = name === 'file' ? (parameter(disposition, 'filename') ?? 'input.jsonl') : undefined;
  return { name, filename: filename?.slice(0, 255), value: NOTHING };
}

function parameter(disposition: string, name: string): string | undefined {
  const found = new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;"]+))`, 'i').exec(disposition);
  return found === null ? undefined : (found[1]?.replaceAll(/\\(.)/g, '$1') ?? found[2]);
}

const bad = (member: string, value: string, expected: string): OutriderError =>
  new OutriderError('invalid_member', { member, value, expected });
