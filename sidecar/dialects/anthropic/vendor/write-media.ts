/** Images and documents of a request. */
import type { FileBlock, ImageBlock, MediaSource } from '../../canonical/request.ts';
import type { WriteContext } from '../../chat-format.ts';
import { type JsonText, json, object } from '../../json/write.ts';
import { writeCache } from '../cache-control.ts';

const IMAGES: ReadonlySet<string> = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);
const PDF = 'application/pdf';

type Written = { source: JsonText } | { obstacle: string };

/** Why this cannot be sent; undefined: it can. */
export function mediaObstacle(block: ImageBlock | FileBlock, context: WriteContext): string | undefined {
  const written = writeSource(block, context);
  return 'obstacle' in written ? written.obstacle : undefined;
}

export function writeMedia(block: ImageBlock | FileBlock, context: WriteContext): JsonText {
  const written = writeSource(block, context);
  if ('obstacle' in written) throw new Error(`unchecked: ${written.obstacle}`);
  if (block.type === 'Image' && block.detail !== undefined && block.detail !== 'auto') {
    context.losses.dropped('messages[].content[].image_url.detail', 'anthropic sees every image in one way');
  }
  return object({
    type: block.type === 'Image' ? '"image"' : '"document"',
    source: written.source,
    title: block.type === 'File' && block.name !== undefined ? json(block.name) : undefined,
    cache_control: writeCache(block.cache),
  });
}

function writeSource({ type, source }: ImageBlock | FileBlock, context: WriteContext): Written {
  switch (source.kind) {
    case 'Base64':
      return type === 'Image' ? image(source) : document(source);
    case 'Url': {
      // Others than https it does not fetch itself.
      if (!context.quirks.imagesAsBytes && /^https:/i.test(source.url)) {
        return { source: object({ type: '"url"', url: json(source.url) }) };
      }
      const media = context.media(source.url);
      if (media === undefined)
        return { obstacle: 'the vendor needs the bytes of a file that the request gives as a URL' };
      return type === 'Image' ? image({ kind: 'Base64', ...media }) : document({ kind: 'Base64', ...media });
    }
    case 'FileId':
      if (source.vendor !== 'anthropic')
        return { obstacle: `a file that was uploaded to ${source.vendor} is there only` };
      return { source: object({ type: '"file"', file_id: json(source.id) }) };
    case 'Text':
      if (type === 'Image') return { obstacle: 'an image is given as text' };
      return { source: plain(source.text) };
  }
}

function image({ mediaType, data }: MediaSource & { kind: 'Base64' }): Written {
  const known = mediaType === 'image/jpg' ? 'image/jpeg' : mediaType;
  if (!IMAGES.has(known))
    return { obstacle: `anthropic takes no ${named(mediaType)} (JPEG, PNG, GIF and WebP only)` };
  return { source: base64(known, data) };
}

function document({ mediaType, data }: MediaSource & { kind: 'Base64' }): Written {
  if (mediaType === PDF) return { source: base64(PDF, data) };
  if (mediaType.startsWith('text/') || mediaType === 'application/json') {
    return { source: plain(Buffer.from(data, 'base64').toString()) };
  }
  return { obstacle: `anthropic takes no ${named(mediaType)} (PDF and text only)` };
}

const base64 = (mediaType: string, data: string): JsonText =>
  object({ type: '"base64"', media_type: json(mediaType), data: json(data) });

const plain = (text: string): JsonText =>
  object({ type: '"text"', media_type: '"text/plain"', data: json(text) });

const named = (mediaType: string): string =>
  /^[\w.+-]+\/[\w.+-]{1,80}$/.test(mediaType) ? mediaType : 'file of that type';
