/** Answers as bytes: what is read out of them, and what is refused. */
import { describe, expect, it } from 'vitest';
import { ResponseReader } from '../../../sidecar/http1/response-reader.ts';
import { type How, type Read, read } from './reading.ts';
import { OK } from './support.ts';

describe('an answer', () => {
  it.each<[string, string, How, Read]>([
    [
      'with a length',
      `${OK}Content-Length: 5\r\n\r\nhello`,
      {},
      { body: 'hello', done: true, keepAlive: true },
    ],
    ['whose body is still coming', `${OK}content-length: 5\r\n\r\nhel`, {}, { body: 'hel', done: false }],
    ['without a body', `${OK}content-length: 0\r\n\r\n`, {}, { done: true }],
    [
      'in chunks',
      `${OK}transfer-encoding: Chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n`,
      {},
      { body: 'hello!', done: true },
    ],
    [
      'in chunks, as it says twice',
      `${OK}transfer-encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`,
      {},
      { body: 'x', done: true },
    ],
    [
      'in chunks with extensions and a trailer',
      `${OK}transfer-encoding: chunked\r\n\r\n00a;x;y=z;q="a;\t\\"b"\r\n0123456789\r\n0;last\r\nDigest: x\r\nB:\r\n\r\n`,
      {},
      { body: '0123456789', done: true },
    ],
    [
      'that ends with the connection',
      `${OK}\r\nhello`,
      { close: true },
      { body: 'hello', done: true, keepAlive: false },
    ],
    ['that might go on', `${OK}\r\nhello`, {}, { body: 'hello', done: false }],
    [
      'of HTTP/1.0',
      'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx',
      {},
      { done: true, keepAlive: false },
    ],
    [
      'that says it is the last',
      `${OK}connection: Keep-Alive , CLOSE\r\ncontent-length: 0\r\n\r\n`,
      {},
      { done: true, keepAlive: false },
    ],
    ['to HEAD', `${OK}content-length: 5\r\n\r\n`, { method: 'HEAD' }, { done: true, keepAlive: true }],
    [
      'that has not changed',
      'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n',
      {},
      { done: true, status: 304 },
    ],
    ['of no content', 'HTTP/1.1 204 No Content\r\n\r\n', {}, { done: true, status: 204, keepAlive: true }],
    ['without a reason', 'HTTP/1.1 429 \r\ncontent-length: 0\r\n\r\n', {}, { done: true, status: 429 }],
    [
      'after others that say to wait',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${OK}content-length: 1\r\n\r\nx`,
      {},
      { status: 200, rawHeaders: ['content-length', '1'], body: 'x', done: true },
    ],
    [
      'with values as they are, but for the space around them',
      `${OK}A: \t b  c \t\r\nEmpty:\r\nUmlaut: \xe4\r\nA:2\r\ncontent-length: 0\r\n\r\n`,
      {},
      { rawHeaders: ['A', 'b  c', 'Empty', '', 'Umlaut', '\xe4', 'A', '2', 'content-length', '0'] },
    ],
    [
      'with more behind it',
      `${OK}content-length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n`,
      {},
      { body: 'x', done: true, surplus: true },
    ],
    [
      'in chunks with more behind it',
      `${OK}transfer-encoding: chunked\r\n\r\n0\r\n\r\nx`,
      {},
      { done: true, surplus: true },
    ],
  ])('%s', (_, text, how, expected) => {
    expect(read(text, how)).toMatchObject(expected);
    expect(read(text, { ...how, cuts: Array.from(text, () => 1) })).toMatchObject(expected);
  });

  it.each<[string, string, string]>([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n', 'HPE_INVALID_CONSTANT'],
    ['another version', 'HTTP/2 200\r\n\r\n', 'HPE_INVALID_CONSTANT'],
    ['no number for a status', 'HTTP/1.1 2x0 OK\r\n\r\n', 'HPE_INVALID_CONSTANT'],
    ['a control character in its reason', 'HTTP/1.1 200 O\x00K\r\n\r\n', 'HPE_INVALID_CONSTANT'],
    ['a line that is folded', `${OK}a: b\r\n c\r\n\r\n`, 'HPE_INVALID_HEADER_TOKEN'],
    ['space before a colon', `${OK}content-length : 1\r\n\r\nx`, 'HPE_INVALID_HEADER_TOKEN'],
    ['a line feed in a value', `${OK}a: b\nc: d\r\n\r\n`, 'HPE_INVALID_HEADER_TOKEN'],
    ['a carriage return in a value', `${OK}a: b\rc\r\n\r\n`, 'HPE_INVALID_HEADER_TOKEN'],
    ['a field without a name', `${OK}: b\r\n\r\n`, 'HPE_INVALID_HEADER_TOKEN'],
    ['a head that never ends', `${OK}a: ${'x'.repeat(17_000)}`, 'HPE_HEADER_OVERFLOW'],
    ['a head that is too long', `${OK}a: ${'x'.repeat(17_000)}\r\n\r\n`, 'HPE_HEADER_OVERFLOW'],
    [
      'extensions without end',
      `${OK}transfer-encoding: chunked\r\n\r\n${`1;${'x'.repeat(1000)}\r\nx\r\n`.repeat(20)}`,
      'HPE_CHUNK_EXTENSIONS_OVERFLOW',
    ],
    ['two lengths', `${OK}content-length: 1\r\ncontent-length: 1\r\n\r\nx`, 'HPE_INVALID_CONTENT_LENGTH'],
    ['a list of lengths', `${OK}content-length: 1, 1\r\n\r\nx`, 'HPE_INVALID_CONTENT_LENGTH'],
    ['a negative length', `${OK}content-length: -1\r\n\r\n`, 'HPE_INVALID_CONTENT_LENGTH'],
    ['a length in hex', `${OK}content-length: 0x1\r\n\r\nx`, 'HPE_INVALID_CONTENT_LENGTH'],
    [
      'a length and chunks',
      `${OK}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      'HPE_INVALID_CONTENT_LENGTH',
    ],
    [
      'a coding of its own',
      `${OK}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
      'HPE_INVALID_TRANSFER_ENCODING',
    ],
    ['a chunk without a size', `${OK}transfer-encoding: chunked\r\n\r\n\r\nx`, 'HPE_INVALID_CHUNK_SIZE'],
    ['a chunk of negative size', `${OK}transfer-encoding: chunked\r\n\r\n-1\r\nx`, 'HPE_INVALID_CHUNK_SIZE'],
    [
      'space behind the size of a chunk',
      `${OK}transfer-encoding: chunked\r\n\r\n1 \r\nx\r\n`,
      'HPE_INVALID_CHUNK_SIZE',
    ],
    [
      'a chunk of too many digits',
      `${OK}transfer-encoding: chunked\r\n\r\nffffffffffffff\r\nx`,
      'HPE_INVALID_CHUNK_SIZE',
    ],
    [
      'a size that ends in a line feed alone',
      `${OK}transfer-encoding: chunked\r\n\r\n1\nx\r\n`,
      'HPE_INVALID_CHUNK_SIZE',
    ],
    ['a chunk longer than its size', `${OK}transfer-encoding: chunked\r\n\r\n1\r\nxy\r\n`, 'HPE_STRICT'],
    [
      'a line of extensions without end',
      `${OK}transfer-encoding: chunked\r\n\r\n1;${'x'.repeat(5000)}`,
      'HPE_CHUNK_EXTENSIONS_OVERFLOW',
    ],
    [
      'a trailer that is none',
      `${OK}transfer-encoding: chunked\r\n\r\n0\r\nnot a field\r\n\r\n`,
      'HPE_INVALID_HEADER_TOKEN',
    ],
    [
      'a length in its trailer',
      `${OK}transfer-encoding: chunked\r\n\r\n0\r\na: b\r\nContent-Length: 0\r\n\r\n`,
      'HPE_INVALID_CONTENT_LENGTH',
    ],
    [
      'a trailer without end',
      `${OK}transfer-encoding: chunked\r\n\r\n0\r\n${'a: b\r\n'.repeat(3000)}`,
      'HPE_HEADER_OVERFLOW',
    ],
    ['nothing but a wait', 'HTTP/1.1 103 x\r\nconnection: close\r\n\r\n', 'HPE_INVALID_CONSTANT'],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n', 'HPE_PAUSED_UPGRADE'],
  ])('with %s is refused', (_, text, code) => {
    expect(read(text)).toMatchObject({ error: code });
    expect(read(text, { cuts: Array.from(text, () => 1) })).toMatchObject({ error: code });
  });

  it('says what it held before what is wrong with it', () => {
    const text = `${OK}transfer-encoding: chunked\r\n\r\n2\r\nab\r\nnonsense\r\n`;
    expect(read(text)).toMatchObject({ status: 200, body: 'ab', error: 'HPE_INVALID_CHUNK_SIZE' });
  });

  it('follows another one', () => {
    const reader = new ResponseReader();
    for (const length of [3, 0, 2]) {
      reader.expect('POST');
      reader.read(Buffer.from(`${OK}content-length: ${length}\r\n\r\n${'x'.repeat(length)}`));
      expect(reader).toMatchObject({ done: true, surplus: false, error: undefined });
    }
  });
});
