/** Content blocks of a request. */
import { originalId } from '../../canonical/portable-ids.ts';
import type {
  Block,
  ChatRequest,
  FileBlock,
  ImageBlock,
  MediaSource,
  Signature,
  TextBlock,
  ToolResultBlock,
} from '../../canonical/request.ts';
import { unseal, unsealCall } from '../../canonical/sealed.ts';
import { expectSaid, expectText, optionalBoolean, unexpected } from '../../json/expect.ts';
import { type Said, textOfSaid } from '../../json/said.ts';
import type { JsonNode } from '../../json/tape.ts';
import { readCache } from '../cache-control.ts';

/** Reads the turns of one request in order: results name the call they answer, and calls come first. */
export class BlockReader {
  readonly #request: ChatRequest;
  /** Names of calls by id. */
  readonly #calls = new Map<string, string>();
  /** Of the call that comes next. */
  #signature: Signature | undefined = undefined;

  constructor(request: ChatRequest) {
    this.#request = request;
  }

  /** A string or a list of blocks. */
  content(node: JsonNode, path: string): Block[] {
    const text = node.said;
    if (text !== undefined) return [{ type: 'Text', text }];
    if (!node.isArray) unexpected(node, path, 'a string or an array of content blocks');
    const blocks: Block[] = [];
    let index = 0;
    for (const block of node.elements()) this.#block(block, `${path}[${index++}]`, blocks);
    return blocks;
  }

  #block(node: JsonNode, path: string, into: Block[]): void {
    const type = node.at('type')?.text;
    switch (type) {
      case 'text':
        into.push(textBlock(node, path));
        return;
      case 'image':
        into.push(this.#image(node, path));
        return;
      case 'document':
        into.push(...this.#document(node, path));
        return;
      case 'search_result':
        into.push(searchResult(node));
        return;
      case 'tool_use':
        into.push(this.#call(node, path));
        return;
      case 'tool_result':
        into.push(this.#result(node, path));
        return;
      case 'thinking':
        this.#thinking(node, into);
        return;
      case 'redacted_thinking':
        into.push(redacted(node, path));
        return;
      case undefined:
        unexpected(node, path, 'a content block with a type');
        break;
      default:
        into.push({ type: 'Native', vendor: 'anthropic', json: node.raw });
    }
  }

  #image(node: JsonNode, path: string): ImageBlock {
    const source = this.#source(node, path);
    return { type: 'Image', source, cache: readCache(node.at('cache_control')) };
  }

  /** A document made of blocks becomes its text, and its images behind it. */
  #document(node: JsonNode, path: string): (FileBlock | ImageBlock)[] {
    for (const member of ['context', 'citations'] as const) {
      const value = node.at(member);
      if (value && value.raw !== '{"enabled":false}') this.#lose(`messages[].content[].${member}`, value);
    }
    const cache = readCache(node.at('cache_control'));
    const name = node.at('title')?.text;
    const source = node.at('source');
    if (source?.at('type')?.text !== 'content') {
      return [{ type: 'File', source: this.#source(node, path), name, cache }];
    }
    const parts = this.content(
      source.get('content') ?? unexpected(source, path, 'content'),
      `${path}.source.content`,
    );
    const text = parts.map((part) => (part.type === 'Text' ? textOfSaid(part.text) : '')).join('\n');
    const images = parts.filter((part): part is ImageBlock => part.type === 'Image');
    return [
      { type: 'File', source: { kind: 'Text', mediaType: 'text/plain', text }, name, cache },
      ...images,
    ];
  }

  #source(node: JsonNode, path: string): MediaSource {
    const source = node.at('source');
    if (!source?.isObject) unexpected(node, path, 'a block with a source');
    const member = (name: string): string => {
      const value = source.get(name);
      return expectText(value ?? source, `${path}.source.${value ? name : ''}`);
    };
    switch (source.at('type')?.text) {
      case 'base64':
        return { kind: 'Base64', mediaType: member('media_type'), data: member('data') };
      case 'url':
        return { kind: 'Url', url: member('url') };
      case 'file':
        return { kind: 'FileId', id: member('file_id'), vendor: 'anthropic' };
      case 'text':
        return {
          kind: 'Text',
          mediaType: source.at('media_type')?.text ?? 'text/plain',
          text: member('data'),
        };
      default:
        return unexpected(source, `${path}.source`, 'of type base64, url, file, text or content');
    }
  }

  #call(node: JsonNode, path: string): Block {
    const id = originalId(required(node, 'id', path));
    const name = required(node, 'name', path);
    this.#calls.set(id, name);
    const signature = this.#signature;
    this.#signature = undefined;
    const cache = readCache(node.at('cache_control'));
    return { type: 'ToolCall', id, name, arguments: node.at('input')?.raw ?? '', signature, cache };
  }

  #result(node: JsonNode, path: string): ToolResultBlock {
    const callId = originalId(required(node, 'tool_use_id', path));
    const content = node.at('content');
    const blocks = content ? this.content(content, `${path}.content`) : [];
    const error = node.get('is_error');
    return {
      type: 'ToolResult',
      callId,
      name: this.#calls.get(callId) ?? '',
      blocks: blocks.filter((block) => this.#isPartOfResult(block)),
      isError: error ? (optionalBoolean(error, `${path}.is_error`) ?? false) : false,
      cache: readCache(node.at('cache_control')),
    };
  }

  #isPartOfResult(block: Block): block is TextBlock | ImageBlock | FileBlock {
    if (block.type === 'Text' || block.type === 'Image' || block.type === 'File') return true;
    if (block.type === 'Native')
      this.#request.unknown.push({ name: 'messages[].content[].content', value: block.json });
    return false;
  }

  /** A signature alone may be one we put there: of the call behind it. */
  #thinking(node: JsonNode, into: Block[]): void {
    const text = node.at('thinking')?.text ?? '';
    const sealed = node.at('signature')?.text ?? '';
    const ofCall = text === '' ? unsealCall(sealed) : undefined;
    if (ofCall) this.#signature = ofCall;
    else
      into.push({
        type: 'Thinking',
        text,
        signature: sealed === '' ? undefined : unseal(sealed, 'anthropic'),
      });
  }

  #lose(name: string, value: JsonNode): void {
    const { unknown } = this.#request;
    if (!unknown.some((known) => known.name === name)) unknown.push({ name, value: value.raw });
  }
}

function textBlock(node: JsonNode, path: string): TextBlock {
  const citations = node.at('citations');
  return {
    type: 'Text',
    text: said(node, path),
    citations: citations?.isArray ? citations.raw : undefined,
    cache: readCache(node.at('cache_control')),
  };
}

function said(node: JsonNode, path: string): Said {
  const value = node.get('text');
  return value ? expectSaid(value, `${path}.text`) : unexpected(node, path, 'a block with text');
}

function redacted(node: JsonNode, path: string): Block {
  const { vendor, value: data } = unseal(required(node, 'data', path), 'anthropic');
  return { type: 'RedactedThinking', data, vendor };
}

/** A found passage, as a text with a title. */
function searchResult(node: JsonNode): FileBlock {
  const text = Array.from(node.at('content')?.elements() ?? [], (part) => part.at('text')?.text ?? '').join(
    '\n',
  );
  const origin = node.at('source')?.text;
  return {
    type: 'File',
    source: { kind: 'Text', mediaType: 'text/plain', text: origin ? `${origin}\n${text}` : text },
    name: node.at('title')?.text,
    cache: readCache(node.at('cache_control')),
  };
}

function required(node: JsonNode, name: string, path: string): string {
  const value = node.get(name);
  return value ? expectText(value, `${path}.${name}`) : unexpected(node, path, `a block with ${name}`);
}
