import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonScanner, MAX_DEPTH } from '../../../../sidecar/dialects/scan/json-scanner.ts';

/** Steps over a whole document; the message of the refusal, or undefined. */
function refusal(text: string | Buffer): string | undefined {
  const scanner = new JsonScanner();
  try {
    scanner.open(typeof text === 'string' ? Buffer.from(text) : text);
    scanner.value();
    scanner.close();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

describe('JsonScanner', () => {
  it('accepts what JSON.parse accepts', () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 6, stringUnit: 'binary' }),
        fc.constantFrom('', ' ', '\n\t'),
        (json, space) => {
          // fc.json leaves lone surrogates as they are; as bytes they are no UTF-8, so they are written as escapes.
          const text =
            space + json.replace(/[\ud800-\udfff]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`) + space;
          expect(refusal(text)).toBeUndefined();
        },
      ),
      { numRuns: 300 },
    );
  });

  it('agrees with JSON.parse on mutated documents', () => {
    const alphabet = '{}[]",:\\ \n0123456789.-+eEtrufalsn\u0000\u001f\u007fé';
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 4 }),
        fc.array(
          fc.record({
            at: fc.nat(),
            cut: fc.nat({ max: 3 }),
            put: fc.string({ unit: fc.constantFrom(...alphabet.split('')), maxLength: 3 }),
          }),
          { minLength: 1, maxLength: 3 },
        ),
        (json, edits) => {
          let text = json;
          for (const { at, cut, put } of edits) {
            const i = at % (text.length + 1);
            text = text.slice(0, i) + put + text.slice(i + cut);
          }
          text = text.replace(/[\ud800-\udfff]/g, '?');
          expect(refusal(text) === undefined).toBe(parses(text));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('refuses every truncation of a document', () => {
    const text = JSON.stringify({ a: [1, -0.5e3, 'x\\"\u00e9'], b: { c: null, d: true }, e: '' });
    for (let i = 0; i < text.length; i++) expect(refusal(text.slice(0, i))).toContain('not valid JSON');
  });

  it('finds the end of strings of every length at every alignment', () => {
    const scanner = new JsonScanner();
    for (const length of [0, 1, 15, 16, 17, 31, 63, 600, 1021]) {
      for (let pad = 0; pad < 4; pad++) {
        const body = Buffer.from(`${' '.repeat(pad)}["${'x'.repeat(length)}","\\n",${' '.repeat(600)}1]`);
        scanner.open(body);
        expect(scanner.enterArray()).toBe(true);
        scanner.string();
        expect(scanner.stringEnd - scanner.stringStart).toBe(length);
        expect(scanner.nextElement()).toBe(true);
        scanner.string();
        expect(scanner.escaped).toBe(2);
        expect(scanner.nextElement()).toBe(true);
        scanner.value();
        expect(scanner.nextElement()).toBe(false);
        scanner.close();
      }
    }
  });

  it('refuses control characters wherever they hide in a long string', () => {
    for (let i = 0; i < 700; i += 13) {
      const text = 'y'.repeat(700);
      expect(refusal(`"${text.slice(0, i)}\n${text.slice(i)}"`)).toContain('control characters');
    }
  });

  it(`takes ${MAX_DEPTH} levels and no more`, () => {
    expect(refusal(nested(MAX_DEPTH))).toBeUndefined();
    expect(refusal(nested(MAX_DEPTH + 1))).toContain('128 deep');
    expect(refusal('['.repeat(1_000_000))).toContain('128 deep');
  });

  it.each([
    ['a byte order mark', Buffer.from('\ufeff{}')],
    ['trailing data', Buffer.from('{} {}')],
    ['a truncated UTF-8 sequence', Buffer.from([0x22, 0xe2, 0x82, 0x22])],
    ['an overlong UTF-8 sequence', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ['nothing', Buffer.alloc(0)],
    ['a leading zero', Buffer.from('01')],
    ['a bare point', Buffer.from('1.')],
    ['an unknown escape', Buffer.from('"\\x41"')],
    ['a short unicode escape', Buffer.from('"\\u12"')],
    ['a name without quotes', Buffer.from('{a:1}')],
    ['a trailing comma', Buffer.from('[1,]')],
    ['NaN', Buffer.from('NaN')],
  ])('refuses %s', (_, text) => {
    expect(refusal(text)).toContain('not valid JSON');
  });

  it('does not slow down with the number of strings', () => {
    // A search that starts over for every string would take minutes here.
    const body = Buffer.from(`[${'"a\\\\b",'.repeat(400_000)}"${'z'.repeat(1_000_000)}"]`);
    expect(refusal(body)).toBeUndefined();
  });
});
