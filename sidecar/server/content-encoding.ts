/** Decodes compressed request bodies. The limit holds for what comes out, so a small bomb is as bounded as a large body. */
import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import { OutriderError } from '../../errors/table.ts';
import { type BodyOptions, CallerGone } from './body-options.ts';

type Zlib = typeof import('node:zlib');

const ENCODINGS = new Set(['gzip', 'x-gzip', 'deflate', 'br', 'zstd']);

/** `reserve` throws when there is no room for that many bytes more. */
export async function decodeBody(
  req: IncomingMessage,
  encoding: string,
  options: BodyOptions,
  reserve: (bytes: number) => void,
): Promise<Buffer> {
  if (!ENCODINGS.has(encoding)) {
    throw new OutriderError('content_encoding_unsupported', { encoding: encoding.slice(0, 100) });
  }
  // Few callers compress, so few sidecars load this.
  const zlib = await import('node:zlib');
  if (req.destroyed) throw new CallerGone();
  options.accept?.();
  const body = await new Decoding(zlib, req, encoding, options.limit, reserve).read();
  options.hold.resize(body.length);
  return body;
}

class Decoding {
  private readonly zlib: Zlib;
  private readonly req: IncomingMessage;
  private readonly encoding: string;
  private readonly limit: number;
  private readonly reserve: (bytes: number) => void;
  private readonly pieces: Buffer[] = [];
  private length = 0;
  private decoder: Transform | undefined = undefined;
  private resolve!: (body: Buffer) => void;
  private reject!: (error: Error) => void;

  constructor(
    zlib: Zlib,
    req: IncomingMessage,
    encoding: string,
    limit: number,
    reserve: (bytes: number) => void,
  ) {
    this.zlib = zlib;
    this.req = req;
    this.encoding = encoding;
    this.limit = limit;
    this.reserve = reserve;
  }

  read(): Promise<Buffer> {
    const { req } = this;
    req.on('data', this.take);
    req.on('end', this.end);
    req.on('error', this.gone);
    req.on('close', this.gone);
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  private readonly take = (chunk: Buffer): void => {
    this.decoder ??= this.open(chunk);
    if (!this.decoder.write(chunk)) this.req.pause();
  };

  private readonly end = (): void => {
    this.detach();
    if (this.decoder) this.decoder.end();
    else this.resolve(Buffer.alloc(0));
  };

  private readonly gone = (): void => this.fail(new CallerGone());

  private open(first: Buffer): Transform {
    const decoder = makeDecoder(this.zlib, this.encoding, first);
    decoder.on('data', (chunk: Buffer) => this.decoded(chunk));
    decoder.on('end', () => this.resolve(Buffer.concat(this.pieces, this.length)));
    decoder.on('error', (error: NodeJS.ErrnoException) => this.fail(broken(this.encoding, error)));
    decoder.on('drain', () => this.req.resume());
    return decoder;
  }

  private decoded(chunk: Buffer): void {
    this.length += chunk.length;
    try {
      if (this.length > this.limit) throw new OutriderError('body_too_large', { limit: this.limit });
      this.reserve(chunk.length);
      this.pieces.push(chunk);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  private fail(error: Error): void {
    this.detach();
    this.decoder?.destroy();
    this.req.resume();
    this.reject(error);
  }

  private detach(): void {
    const { req } = this;
    req.off('data', this.take);
    req.off('end', this.end);
    req.off('error', this.gone);
    req.off('close', this.gone);
  }
}

function makeDecoder(zlib: Zlib, encoding: string, first: Buffer): Transform {
  if (encoding === 'br') return zlib.createBrotliDecompress();
  if (encoding === 'zstd') return zlib.createZstdDecompress();
  if (encoding !== 'deflate') return zlib.createGunzip();
  // RFC 9110 means zlib's format; some clients send the bare one.
  return ((first[0] ?? 0) & 0x0f) === 8 ? zlib.createInflate() : zlib.createInflateRaw();
}

function broken(encoding: string, error: NodeJS.ErrnoException): OutriderError {
  return new OutriderError('invalid_json', {
    reason: `its ${encoding} content-encoding cannot be decoded (${error.code ?? 'error'})`,
  });
}
