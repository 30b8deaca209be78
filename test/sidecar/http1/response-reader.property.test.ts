/** Answers that keep the rules, and answers that nearly do, beside what Node's own client reads in them. */
import http from 'node:http';
import { Duplex } from 'node:stream';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Read, read } from './reading.ts';

const token = fc.stringMatching(/^[A-Za-z-]{1,12}$/);
const value = fc.stringMatching(/^[ -~\t]{0,20}$/);
const bytes = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 40,
});
const fields = fc.array(fc.tuple(token, value), { maxLength: 4 });

/** Answers that keep the rules, or nearly. */
const answers = fc
  .record({
    before: fc.constantFrom('', '', '', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 x\r\na: b\r\n\r\n'),
    version: fc.constantFrom('1.1', '1.1', '1.1', '1.0'),
    status: fc.constantFrom('200', '200', '201', '204', '304', '404', '500'),
    fields,
    framing: fc.constantFrom('length', 'chunked', 'close', 'none'),
    pieces: fc.array(bytes, { maxLength: 4 }),
    extension: fc.constantFrom('', '', '', ';a', ';a=b', ';a="b c"', '; a', ';a="\\""'),
    trailer: fc.constantFrom('', '', '', 'x: y\r\n', 'x : y\r\n'),
    behind: fc.constantFrom('', '', '', 'x', '\r\n'),
  })
  .map(({ before, version, status, fields, framing, pieces, extension, trailer, behind }) => {
    const body = pieces.join('');
    const own = fields.map(([name, text]) => `${name}: ${text}\r\n`).join('');
    const framed = {
      length: `content-length: ${body.length}\r\n\r\n${body}`,
      chunked: `transfer-encoding: chunked\r\n\r\n${pieces
        .filter((piece) => piece !== '')
        .map((piece) => `${piece.length.toString(16)}${extension}\r\n${piece}\r\n`)
        .join('')}0${extension}\r\n${trailer}\r\n`,
      close: `connection: close\r\n\r\n${body}`,
      none: '\r\n',
    }[framing];
    return `${before}HTTP/${version} ${status} Some reason\r\n${own}${framed}${behind}`;
  });

const mutated = fc
  .tuple(
    answers,
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.constantFrom(
          '',
          '\r',
          '\n',
          '\r\n',
          ' ',
          ':',
          '\x00',
          '0',
          'f',
          ';',
          '\xff',
          'Content-Length: 3\r\n',
          ', chunked',
          'Transfer-Encoding: chunked\r\n',
        ),
      ),
      { maxLength: 3 },
    ),
  )
  .map(([text, changes]) => {
    let out = text;
    for (const [at, put] of changes) {
      const place = at % (out.length + 1);
      out = out.slice(0, place) + put + out.slice(place + (at % 3));
    }
    return out;
  });

/** What Node's client, whose parser is llhttp, makes of an answer that ends with its connection. */
function asNode(text: string): Promise<Read> {
  return new Promise((resolve) => {
    const socket = new Duplex({
      read() {},
      write(_chunk, _encoding, done) {
        done();
        socket.push(Buffer.from(text, 'latin1'));
        socket.push(null);
      },
    });
    const request = http.request({
      createConnection: () => socket,
      method: 'POST',
      path: '/',
      headers: ['Host', 'x', 'Content-Length', '0'],
    });
    const found: Read = {};
    let ended = false;
    request.on('response', (response) => {
      found.status = response.statusCode ?? 0;
      found.rawHeaders = response.rawHeaders;
      found.body = '';
      response.on('data', (chunk: Buffer) => (found.body += chunk.toString('latin1')));
      response.on('end', () => (ended = response.complete));
      response.on('error', () => {});
    });
    request.on('error', (error: Error & { code?: string }) => (found.error = error.code ?? 'error'));
    request.on('close', () => setImmediate(() => resolve({ ...found, done: ended })));
    request.end();
  });
}

describe('what is read', () => {
  it('is the same however it comes', () => {
    fc.assert(
      fc.property(mutated, fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 60 }), (text, cuts) => {
        const whole = read(text, { close: true });
        const { status, rawHeaders, body, done, error } = read(text, { cuts, close: true });
        expect({ status, rawHeaders, body, done, error }).toEqual({
          status: whole.status,
          rawHeaders: whole.rawHeaders,
          body: whole.body,
          done: whole.done,
          error: whole.error,
        });
      }),
      { numRuns: 2000 },
    );
  });

  it('Node reads, too: nothing is taken that llhttp refuses, or differently', async () => {
    const seen = { taken: 0, refused: 0, stricter: 0 };
    await fc.assert(
      fc.asyncProperty(mutated, async (text) => {
        const ours = read(text, { close: true });
        const theirs = await asNode(text);
        if (ours.done !== true) {
          seen[theirs.done ? 'stricter' : 'refused']++;
          return;
        }
        seen.taken++;
        expect({ ...ours, body: ours.body ?? '' }).toMatchObject({
          status: theirs.status,
          rawHeaders: theirs.rawHeaders,
          body: theirs.body,
        });
        expect(theirs.done).toBe(true);
      }),
      { numRuns: 3000 },
    );
    // Else it would not have been a comparison.
    expect(seen.taken).toBeGreaterThan(300);
    expect(seen.refused).toBeGreaterThan(300);
  });
});
