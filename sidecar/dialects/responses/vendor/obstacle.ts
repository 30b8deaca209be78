/** What Responses cannot say at all. */
import type { Block, ChatRequest } from '../../canonical/request.ts';
import { commonObstacle, firstOf } from '../../openai/vendor/obstacle.ts';

export function responsesObstacle(request: ChatRequest): string | undefined {
  return (
    commonObstacle(request) ??
    (request.choices > 1 ? 'Responses give one answer only' : undefined) ??
    firstOf(request, foreignFile)
  );
}

function foreignFile(block: Block): string | undefined {
  if (block.type !== 'Image' && block.type !== 'File') return undefined;
  const { source } = block;
  return source.kind === 'FileId' && source.vendor !== 'openai'
    ? 'a file lies with another vendor'
    : undefined;
}
