/** Images, files and sounds as parts. */
import type { AudioBlock, FileBlock, ImageBlock } from '../canonical/request.ts';
import type { WriteContext } from '../chat-format.ts';
import { type JsonText, json, object } from '../json/write.ts';

const TYPES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  heic: 'image/heic',
  heif: 'image/heif',
  pdf: 'application/pdf',
  txt: 'text/plain',
  md: 'text/markdown',
  html: 'text/html',
  csv: 'text/csv',
  mp3: 'audio/mp3',
  wav: 'audio/wav',
  mp4: 'video/mp4',
};

const inline = (mimeType: string, data: string): JsonText =>
  object({ inlineData: object({ mimeType: json(mimeType), data: json(data) }) });

const reference = (mimeType: string, fileUri: string): JsonText =>
  object({ fileData: object({ mimeType: json(mimeType), fileUri: json(fileUri) }) });

/** Undefined: it cannot be sent; `mediaObstacle` says why. */
export function mediaPart(block: ImageBlock | FileBlock, context: WriteContext): JsonText | undefined {
  const { source } = block;
  switch (source.kind) {
    case 'Base64':
      return inline(source.mediaType, source.data);
    case 'Text':
      return object({ text: json(source.text) });
    case 'FileId':
      return source.vendor === 'google' ? reference(typeOf(source.id, block), source.id) : undefined;
    case 'Url': {
      const fetched = context.media(source.url);
      if (fetched) return inline(fetched.mediaType, fetched.data);
      if (context.quirks.imagesAsBytes) return undefined;
      return reference(source.mediaType ?? typeOf(source.url, block), source.url);
    }
  }
}

export function mediaObstacle(block: ImageBlock | FileBlock, context: WriteContext): string | undefined {
  const { source } = block;
  const what = block.type === 'Image' ? 'image' : 'file';
  if (source.kind === 'FileId' && source.vendor !== 'google')
    return `it has a ${what} uploaded to ${source.vendor}`;
  if (source.kind === 'Url' && context.quirks.imagesAsBytes && !context.media(source.url)) {
    return `it has the URL of a ${what}, of which the vendor needs the bytes`;
  }
  return undefined;
}

/** `wav`, `mp3`, ... as OpenAI names them. */
export const audioPart = ({ format, data }: AudioBlock): JsonText => inline(`audio/${format}`, data);

/** The type is required; where nobody tells, the name of the file does. */
function typeOf(url: string, block: ImageBlock | FileBlock): string {
  const path = url.split(/[?#]/, 1)[0] ?? '';
  const end = /\.([A-Za-z0-9]{2,4})$/.exec(path)?.[1]?.toLowerCase() ?? '';
  return TYPES[end] ?? (block.type === 'Image' ? 'image/jpeg' : 'application/pdf');
}
