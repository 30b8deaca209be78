/** Content of chat messages: a string where that says it all, else parts. */
import type { Block, FileBlock, ImageBlock, MediaSource, TextBlock } from '../../canonical/request.ts';
import type { WriteContext } from '../../chat-format.ts';
import { jsonOfSaid, type Said } from '../../json/said.ts';
import { array, type JsonText, json, object, optional } from '../../json/write.ts';

/** Undefined where there is no text at all. */
export function writeText(blocks: readonly Block[]): JsonText | undefined {
  const texts = blocks.filter((block): block is TextBlock => block.type === 'Text' && block.text !== '');
  const [first] = texts;
  if (first === undefined) return undefined;
  return texts.length === 1 ? jsonOfSaid(first.text) : array(texts.map(({ text }) => textPart(text)));
}

/** Of the user. Undefined where nothing is left to say. */
export function writeParts(blocks: readonly Block[], context: WriteContext): JsonText | undefined {
  if (blocks.every((block) => block.type === 'Text')) return writeText(blocks);
  const parts: JsonText[] = [];
  for (const block of blocks) {
    const part = writePart(block, context);
    if (part !== undefined) parts.push(part);
  }
  return parts.length === 0 ? undefined : array(parts);
}

const textPart = (text: Said): JsonText => object({ type: json('text'), text: jsonOfSaid(text) });

function writePart(block: Block, context: WriteContext): JsonText | undefined {
  switch (block.type) {
    case 'Text':
      return block.text === '' ? undefined : textPart(block.text);
    case 'Refusal':
      return textPart(block.text);
    case 'Image': {
      const image = object({ url: json(imageUrl(block, context)), detail: optional(block.detail) });
      return object({ type: json('image_url'), image_url: image });
    }
    case 'Audio': {
      const audio = object({ data: json(block.data), format: json(block.format) });
      return object({ type: json('input_audio'), input_audio: audio });
    }
    case 'File':
      return writeFile(block, context);
    default:
      context.losses.dropped('messages[].content', `the user's messages hold no ${block.type}`);
      return undefined;
  }
}

const dataUrl = (mediaType: string, data: string): string => `data:${mediaType};base64,${data}`;

export function imageUrl({ source }: ImageBlock, context: WriteContext): string {
  if (source.kind === 'Base64') return dataUrl(source.mediaType, source.data);
  if (source.kind !== 'Url') return '';
  const fetched = context.media(source.url);
  return fetched ? dataUrl(fetched.mediaType, fetched.data) : source.url;
}

function writeFile({ source, name }: FileBlock, context: WriteContext): JsonText {
  if (source.kind === 'Text') return textPart(name === undefined ? source.text : `${name}\n\n${source.text}`);
  const data = fileData(source, context);
  const file = object({
    filename: source.kind === 'FileId' ? optional(name) : json(name ?? 'document.pdf'),
    file_data: data === undefined ? undefined : json(data),
    file_id: source.kind === 'FileId' ? json(source.id) : undefined,
  });
  return object({ type: json('file'), file });
}

function fileData(source: MediaSource, context: WriteContext): string | undefined {
  if (source.kind === 'Base64') return dataUrl(source.mediaType, source.data);
  const fetched = source.kind === 'Url' ? context.media(source.url) : undefined;
  return fetched && dataUrl(fetched.mediaType, fetched.data);
}
