/** Content of chat messages: a string, or parts. */
import { parseDataUrl } from '../../canonical/data-url.ts';
import type {
  Block,
  CacheMark,
  ChatRequest,
  FileBlock,
  ImageBlock,
  MediaSource,
} from '../../canonical/request.ts';
import { expectSaid, expectText, unexpected } from '../../json/expect.ts';
import type { JsonNode } from '../../json/tape.ts';

/** Null stands for nothing. */
export function readContent(node: JsonNode, path: string, request: ChatRequest): Block[] {
  if (node.isNull) return [];
  const text = node.said;
  if (text !== undefined) return [{ type: 'Text', text }];
  if (!node.isArray) unexpected(node, path, 'a string or an array of parts');
  const blocks: Block[] = [];
  let index = 0;
  for (const part of node.elements()) {
    const block = readPart(part, `${path}[${index++}]`, request);
    if (block) blocks.push(block);
  }
  return blocks;
}

function readPart(node: JsonNode, path: string, request: ChatRequest): Block | undefined {
  const plain = node.said;
  if (plain !== undefined) return { type: 'Text', text: plain };
  const type = node.at('type')?.text;
  switch (type) {
    case 'text':
    case 'input_text':
    case 'output_text':
      return marked({ type: 'Text', text: expectSaid(required(node, 'text', path), `${path}.text`) }, node);
    case 'refusal':
      return { type: 'Refusal', text: expectText(required(node, 'refusal', path), `${path}.refusal`) };
    case 'image_url':
      return marked(readImage(required(node, 'image_url', path), `${path}.image_url`), node);
    case 'input_audio': {
      const audio = required(node, 'input_audio', path);
      const data = expectText(required(audio, 'data', `${path}.input_audio`), `${path}.input_audio.data`);
      const format = audio.at('format')?.text ?? 'wav';
      return { type: 'Audio', data: parseDataUrl(data)?.data ?? data, format };
    }
    case 'file':
      return marked(readFile(required(node, 'file', path), `${path}.file`), node);
    case 'thinking':
      return { type: 'Thinking', text: thinkingText(node.at('thinking')) };
    case undefined:
      return unexpected(node, path, 'a part with a type');
    default:
      request.untranslatable ??= `a content part of type "${type.slice(0, 40)}" has no form in other dialects`;
      return undefined;
  }
}

function readImage(node: JsonNode, path: string): ImageBlock {
  const url = expectText(node.isObject ? required(node, 'url', path) : node, `${path}.url`);
  const detail = node.at('detail')?.text;
  const source = imageSource(url);
  if (!source) unexpected(node, path, 'an http(s) or data URL');
  return detail === undefined ? { type: 'Image', source } : { type: 'Image', source, detail };
}

/** Undefined: neither a data URL nor one that can be fetched. */
export function imageSource(url: string): MediaSource | undefined {
  const data = parseDataUrl(url);
  if (data) return { kind: 'Base64', mediaType: data.mediaType || 'image/png', data: data.data };
  return /^https?:\/\//i.test(url) ? { kind: 'Url', url } : undefined;
}

/** `{file_data, file_id, file_url, filename}`. */
export function readFile(node: JsonNode, path: string): FileBlock {
  const name = node.at('filename')?.text;
  const id = node.at('file_id')?.text;
  const data = node.at('file_data')?.text;
  const url = node.at('file_url')?.text;
  let source: MediaSource;
  if (data !== undefined) source = fileSource(data, name);
  else if (id !== undefined) source = { kind: 'FileId', id, vendor: 'openai' };
  else if (url !== undefined && /^https?:\/\//i.test(url)) source = { kind: 'Url', url };
  else unexpected(node, path, 'a file with file_data or file_id');
  return { type: 'File', source, ...(name === undefined ? {} : { name }) };
}

/** OpenAI takes files as data URLs; bare base64 occurs too, and then the name tells what it is. */
function fileSource(text: string, name: string | undefined): MediaSource {
  const parsed = parseDataUrl(text);
  const data = parsed?.data ?? text.replace(/\s+/g, '');
  const mediaType = parsed?.mediaType || mediaTypeOf(name);
  if (mediaType === 'text/plain') {
    return { kind: 'Text', mediaType, text: Buffer.from(data, 'base64').toString() };
  }
  return { kind: 'Base64', mediaType, data };
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  csv: 'text/csv',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  html: 'text/html',
  md: 'text/markdown',
  txt: 'text/plain',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
};

function mediaTypeOf(name: string | undefined): string {
  const ending = name?.slice(name.lastIndexOf('.') + 1).toLowerCase() ?? '';
  return (Object.hasOwn(MEDIA_TYPES, ending) && MEDIA_TYPES[ending]) || 'application/pdf';
}

/** Mistral nests text parts. */
function thinkingText(node: JsonNode | undefined): string {
  if (node?.text !== undefined) return node.text;
  return Array.from(node?.elements() ?? [], (part) => part.at('text')?.text ?? '').join('');
}

function marked<B extends Block & { cache?: CacheMark | undefined }>(block: B, node: JsonNode): B {
  const cache = readCacheMark(node);
  if (cache) block.cache = cache;
  return block;
}

/** OpenAI's `prompt_cache_breakpoint`, or the `cache_control` of Anthropic that many gateways take in OpenAI requests. */
export function readCacheMark(node: JsonNode): CacheMark | undefined {
  const own = node.at('prompt_cache_breakpoint');
  if (own) return { ttl: own.at('ttl')?.text === '12h' ? '1h' : '5m' };
  const foreign = node.at('cache_control');
  return foreign ? { ttl: foreign.at('ttl')?.text === '1h' ? '1h' : '5m' } : undefined;
}

export function required(node: JsonNode, name: string, path: string): JsonNode {
  return node.at(name) ?? unexpected(node, path, `an object with ${name}`);
}
