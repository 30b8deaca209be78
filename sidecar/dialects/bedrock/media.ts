/** Images and documents as blocks. The vendor fetches nothing: it needs the bytes. */
import type { AudioBlock, FileBlock, ImageBlock } from '../canonical/request.ts';
import type { WriteContext } from '../chat-format.ts';
import { type JsonText, json, object } from '../json/write.ts';

const IMAGES: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpeg',
  'image/jpg': 'jpeg',
  'image/gif': 'gif',
  'image/webp': 'webp',
};
const DOCUMENTS: Readonly<Record<string, string>> = {
  'application/pdf': 'pdf',
  'text/csv': 'csv',
  'application/msword': 'doc',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'text/html': 'html',
  'text/plain': 'txt',
  'text/markdown': 'md',
};
const SOUNDS = new Set([
  'mp3',
  'opus',
  'wav',
  'aac',
  'flac',
  'mp4',
  'ogg',
  'mkv',
  'mka',
  'x-aac',
  'm4a',
  'mpeg',
  'mpga',
  'pcm',
  'webm',
]);
const MAX_NAME = 200;

interface Bytes {
  mediaType: string;
  data: string;
}

function bytesOf(block: ImageBlock | FileBlock, context: WriteContext): Bytes | undefined {
  const { source } = block;
  if (source.kind === 'Base64') return source;
  if (source.kind === 'Text') {
    return { mediaType: source.mediaType, data: Buffer.from(source.text).toString('base64') };
  }
  return source.kind === 'Url' ? context.media(source.url) : undefined;
}

const formatOf = (block: ImageBlock | FileBlock, { mediaType }: Bytes): string | undefined =>
  (block.type === 'Image' ? IMAGES : DOCUMENTS)[plainType(mediaType)];

const plainType = (mediaType: string): string => (mediaType.split(';', 1)[0] as string).trim().toLowerCase();

export function mediaObstacle(
  block: ImageBlock | FileBlock | AudioBlock,
  context: WriteContext,
): string | undefined {
  if (block.type === 'Audio')
    return SOUNDS.has(block.format) ? undefined : `bedrock takes no audio of the format ${block.format}`;
  const what = block.type === 'Image' ? 'image' : 'file';
  const { source } = block;
  if (source.kind === 'FileId') return `it has a ${what} uploaded to ${source.vendor}`;
  const bytes = bytesOf(block, context);
  if (bytes === undefined) return `it has the URL of a ${what}, of which the vendor needs the bytes`;
  return formatOf(block, bytes) === undefined
    ? `bedrock takes no ${what} of the type ${plainType(bytes.mediaType).slice(0, 40)}`
    : undefined;
}

/** Names of documents of one request: they must differ, and consist of few characters. */
export class MediaWriter {
  readonly #context: WriteContext;
  readonly #names = new Set<string>();

  constructor(context: WriteContext) {
    this.#context = context;
  }

  /** Undefined: see `mediaObstacle`. */
  write(block: ImageBlock | FileBlock): JsonText | undefined {
    const bytes = bytesOf(block, this.#context);
    const format = bytes && formatOf(block, bytes);
    if (bytes === undefined || format === undefined) return undefined;
    const source = object({ bytes: json(bytes.data) });
    if (block.type === 'Image') return object({ image: object({ format: json(format), source }) });
    return object({ document: object({ format: json(format), name: json(this.#name(block.name)), source }) });
  }

  audio({ format, data }: AudioBlock): JsonText {
    return object({ audio: object({ format: json(format), source: object({ bytes: json(data) }) }) });
  }

  #name(wanted: string | undefined): string {
    const plain =
      (wanted ?? '')
        .replace(/[^A-Za-z0-9\s\-()[\]]/g, '-')
        .replace(/\s+/g, ' ')
        .trim()
        .slice(0, MAX_NAME) || 'document';
    let name = plain;
    for (let n = 2; this.#names.has(name); n++) name = `${plain} (${n})`;
    this.#names.add(name);
    return name;
  }
}
