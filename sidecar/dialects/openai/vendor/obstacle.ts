/** What chat completions cannot say at all. */
import { unpaired } from '../../canonical/conversation.ts';
import type { Block, ChatRequest } from '../../canonical/request.ts';
import type { WriteContext } from '../../chat-format.ts';

export function chatObstacle(request: ChatRequest, context: WriteContext): string | undefined {
  const refuses = context.quirks.refuses ?? [];
  return (
    commonObstacle(request) ??
    firstOf(request, (block) => mediaObstacle(block, context)) ??
    (request.output?.type === 'JSONSchema' && refuses.includes('response_format')
      ? 'the vendor has no structured output'
      : undefined) ??
    (request.choices > 1 && refuses.includes('n') ? 'the vendor gives one answer only' : undefined) ??
    (request.tools.length > 0 && refuses.includes('tools') ? 'the vendor takes no tools' : undefined)
  );
}

/** Of both OpenAI dialects. */
export function commonObstacle(request: ChatRequest): string | undefined {
  if (request.untranslatable !== undefined) return request.untranslatable;
  const server = request.tools.find(({ type }) => type === 'Server');
  if (server) return `tool "${server.name.slice(0, 64)}" is run by another vendor`;
  return unpaired(request.turns);
}

/** The first obstacle in any block, results of tools included. */
export function firstOf(
  { turns }: ChatRequest,
  check: (block: Block) => string | undefined,
): string | undefined {
  for (const { blocks } of turns) {
    for (const block of blocks) {
      const own = check(block);
      if (own !== undefined) return own;
      for (const part of block.type === 'ToolResult' ? block.blocks : []) {
        const found = check(part);
        if (found !== undefined) return found;
      }
    }
  }
  return undefined;
}

function mediaObstacle(block: Block, context: WriteContext): string | undefined {
  if (block.type !== 'Image' && block.type !== 'File') return undefined;
  const { source } = block;
  if (source.kind === 'FileId') {
    return block.type === 'File' && source.vendor === 'openai'
      ? undefined
      : 'a file lies with another vendor';
  }
  if (block.type === 'File' && source.kind === 'Url' && context.media(source.url) === undefined) {
    return 'files are taken as data, not by URL';
  }
  return undefined;
}
