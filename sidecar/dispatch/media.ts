/**
 * Fetches an image or file that a caller only linked to, for vendors that take bytes alone. The link comes from whoever wrote
 * the prompt, so it must not reach into the cluster: public addresses only, judged after the name is resolved and used as
 * judged, so that a second look-up cannot give another answer. No redirects, no credentials, bounded in size and time.
 */
import { lookup } from 'node:dns/promises';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { BlockList, isIP } from 'node:net';
import { OutriderError } from '../../errors/table.ts';
import type { MemoryHold } from '../limits/memory-budget.ts';
import { addressOf } from './address.ts';

export interface Media {
  readonly mediaType: string;
  /** Base64. */
  readonly data: string;
}

/** Rejects with `media_unavailable` (400). What it reads is reserved in `held`. */
export type FetchMedia = (url: string, held: MemoryHold, signal: AbortSignal) => Promise<Media>;

const SIZE_LIMIT = 10 * 1024 * 1024;
const TIME_LIMIT_MS = 10_000;
const TYPES = /^(image\/(png|jpeg|gif|webp|heic|heif)|application\/pdf)$/;

const NOT_PUBLIC = new BlockList();
for (const [address, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  NOT_PUBLIC.addSubnet(address, prefix, 'ipv4');
}
for (const [address, prefix] of [
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const) {
  NOT_PUBLIC.addSubnet(address, prefix, 'ipv6');
}

/** Loopback, private, link-local, documentation and multicast addresses are not; nor what hides one of them inside. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  if (family === 4) return !NOT_PUBLIC.check(address, 'ipv4');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return isPublicAddress(mapped);
  return !/^::ffff:/i.test(address) && !NOT_PUBLIC.check(address, 'ipv6');
}

export interface MediaOptions {
  readonly resolve: (host: string) => Promise<readonly { address: string; family: number }[]>;
  readonly isAllowed: (address: string) => boolean;
}

const SYSTEM: MediaOptions = {
  resolve: (host) => lookup(host, { all: true }),
  isAllowed: isPublicAddress,
};

export function mediaFetcher(options: MediaOptions = SYSTEM): FetchMedia {
  return async (link, held, signal) => {
    const url = parse(link);
    const address = await resolved(url, options);
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(TIME_LIMIT_MS)]);
    const response = await open(url, address, bounded);
    try {
      return await read(url, response, held);
    } finally {
      response.destroy();
    }
  };
}

function parse(link: string): URL {
  const url = URL.canParse(link) ? new URL(link) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new OutriderError('media_unavailable', { host: 'the link', reason: 'it is no http or https URL' });
  }
  if (url.username !== '' || url.password !== '') refuse(url, 'it carries credentials');
  return url;
}

async function resolved(
  url: URL,
  { resolve, isAllowed }: MediaOptions,
): Promise<{ address: string; family: number }> {
  const { host } = addressOf(url);
  const family = isIP(host);
  let found: readonly { address: string; family: number }[];
  try {
    found = family === 0 ? await resolve(host) : [{ address: host, family }];
  } catch {
    return refuse(url, 'its name cannot be resolved');
  }
  const [first] = found;
  // One address of several that points inside is reason enough: which of them is dialled would be chance.
  if (first === undefined || !found.every(({ address }) => isAllowed(address))) {
    return refuse(url, 'it is not a public address');
  }
  return first;
}

function open(
  url: URL,
  { address, family }: { address: string; family: number },
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const client = url.protocol === 'https:' ? https : http;
    const request = client.get(
      url,
      {
        agent: false,
        signal,
        headers: { accept: 'image/*, application/pdf', 'accept-encoding': 'identity' },
        lookup: (_host, options, done) => {
          if (options.all) done(null, [{ address, family }]);
          else done(null, address, family);
        },
      },
      resolve,
    );
    request.on('error', () =>
      reject(unavailable(url, signal.aborted ? 'it took too long' : 'it cannot be reached')),
    );
  });
}

async function read(url: URL, response: IncomingMessage, held: MemoryHold): Promise<Media> {
  if (response.statusCode !== 200) refuse(url, `it answered with status ${response.statusCode ?? 0}`);
  const mediaType = (response.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (!TYPES.test(mediaType)) refuse(url, 'it is neither an image nor a PDF');
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > SIZE_LIMIT) refuse(url, `it is larger than ${SIZE_LIMIT} bytes`);
      // The bytes, and their base64.
      if (!held.grow(Math.ceil((chunk.length * 7) / 3))) throw held.full();
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof OutriderError) throw error;
    refuse(url, 'it broke off');
  }
  return { mediaType, data: Buffer.concat(chunks, length).toString('base64') };
}

function unavailable(url: URL, reason: string): OutriderError {
  return new OutriderError('media_unavailable', { host: url.host.slice(0, 256), reason });
}

function refuse(url: URL, reason: string): never {
  throw unavailable(url, reason);
}
