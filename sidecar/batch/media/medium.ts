/**
 * Where batches, their files and deferred requests are kept: contents by name, replaced whole or grown at the end. One process has
 * it at a time. What resolved is kept, as durably as the medium is; what rejected is not there.
 */
export interface Medium {
  /** For messages. */
  readonly label: string;
  /** What an earlier process left, without what it left half done; names and bytes. */
  list(): Promise<{ name: string; bytes: number }[]>;
  /** At most `length` bytes; none at the end, and where there is no such content. */
  read(name: string, position: number, length: number): Promise<Buffer>;
  /** 0 where there is none. */
  size(name: string): Promise<number>;
  /** In one step: whoever is killed on the way leaves the old content. */
  replace(name: string, content: string | Buffer): Promise<void>;
  /** To add to it, from byte `length` on; what is behind that is cut off. Created where there is none. */
  grow(name: string, length: number): Promise<Growing>;
  remove(name: string): Promise<void>;
  /** Another process has it now: nothing more can be kept here. Called once at most. */
  onLost(lost: () => void): void;
  close(): Promise<void>;
}

/** One content that is added to by one writer, piece after piece. */
export interface Growing {
  readonly length: number;
  /** In order; survives a kill of the process once it resolves. */
  append(bytes: Buffer): Promise<void>;
  /** Survives a fall of the machine, too. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

const CHUNK = 64 * 1024;

/** All of a content, piece by piece, up to `end`; throws where it ends before. */
export async function* piecesOf(
  medium: Pick<Medium, 'read'>,
  name: string,
  end = Number.POSITIVE_INFINITY,
): AsyncGenerator<Buffer> {
  for (let at = 0; at < end; ) {
    const piece = await medium.read(name, at, Math.min(CHUNK, end - at));
    if (piece.length === 0) {
      if (end === Number.POSITIVE_INFINITY) return;
      throw new Error(`${name} has ${at} bytes, not ${end}`);
    }
    yield piece;
    at += piece.length;
  }
}

/** Empty where there is none. */
export async function wholeOf(medium: Pick<Medium, 'read'>, name: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of piecesOf(medium, name)) pieces.push(piece);
  return Buffer.concat(pieces);
}
