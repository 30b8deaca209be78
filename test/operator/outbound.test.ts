/** The operator holds every key, so where it may call is decided in one place: it dials the API server, and nobody else. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const OPERATOR = path.resolve(import.meta.dirname, '../../operator');

/** Ways to open a connection, or to have one opened. */
const DIALS =
  /\bhttps?\d?\.(request|get|connect)\(|(?<![#.\w])fetch\(|\b(net|tls)\.(connect|createConnection)\(|new (WebSocket|EventSource)\(|from '(undici|axios|got|node-fetch|node:http2|node:dgram|@aws-sdk\/[^']+|google-auth-library|@azure\/[^']+)'|\.request\(options\)/;

/** The way to the API server. */
const DOORS = ['watch/api-client.ts'];

const dialling = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && DIALS.test(readFileSync(path.join(folder, file), 'utf8')))
    .sort();

it('dials through one door', () => {
  expect(dialling(OPERATOR)).toEqual(DOORS);
});

it.each([
  'fetch(url)',
  'await fetch("https://login.example")',
  'https.request(options)',
  'http.get(url)',
  'tls.connect(443, host)',
  "import { STS } from '@aws-sdk/client-sts';",
])('knows a call when it sees one: %s', (line) => {
  expect(DIALS.test(line)).toBe(true);
});

it.each(['this.#fetch()', 'pool.fetch(', "import http from 'node:http';", 'await source.get(name)'])(
  'and what is none: %s',
  (line) => {
    expect(DIALS.test(line)).toBe(false);
  },
);
