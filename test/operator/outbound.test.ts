/** The operator holds every key, so where it may call is decided in two places: the API server, and the services that give tokens. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { refusedHost } from '../../sidecar/tokens/http-io.ts';

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

it('asks for tokens through another, and nobody else opens that one', () => {
  const users = readdirSync(OPERATOR, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && /http-io\.ts'/.test(readFileSync(path.join(OPERATOR, file), 'utf8')),
  );
  expect(users).toEqual(['credentials/outbound.ts']);
});

it.each([
  ['https://sts.eu-central-1.amazonaws.com/', true],
  ['https://sts.cn-north-1.amazonaws.com.cn/', true],
  ['https://oauth2.googleapis.com/token', true],
  ['https://login.microsoftonline.com/t/oauth2/v2.0/token', true],
  ['https://login.sovereign.example/t/oauth2/v2.0/token', true],
  ['http://169.254.170.23/v1/credentials', true],
  ['http://sts.eu-central-1.amazonaws.com/', false],
  ['https://sts.eu-central-1.amazonaws.com.evil.example/', false],
  ['https://evil.example/?sts.eu-central-1.amazonaws.com', false],
  ['https://evil.example#@oauth2.googleapis.com/token', false],
  ['http://169.254.169.254/latest/meta-data', false],
  ['http://login.sovereign.example/', false],
  ['https://10.0.0.7/', false],
])('%s may be asked for tokens: %s', (url, may) => {
  expect(refusedHost(new URL(url), ['login.sovereign.example']) === undefined).toBe(may);
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
