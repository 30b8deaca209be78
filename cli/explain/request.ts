/** The request to be explained, read the way the sidecar reads one. */
import { endpointAt, resolvePath } from '../../sidecar/dialects/registry.ts';
import { buildFacts } from '../../sidecar/routing/facts.ts';
import type { RequestFacts } from '../../sidecar/routing/plan.ts';
import { parseTarget } from '../../sidecar/server/request-target.ts';
import type { Options } from './options.ts';

/** Throws OutriderError where the sidecar would answer with one; the error is a sentence about wrong usage. */
export function factsOf(
  { method, path: target, rawHeaders }: Pick<Options, 'method' | 'path' | 'rawHeaders'>,
  body: Buffer,
): RequestFacts | { error: string } {
  const resolution = endpointAt(target) ?? resolvePath(parseTarget(target).path, rawHeaders);
  const { path } = resolution;
  if (resolution.kind === 'Endpoint') {
    const { dialect } = resolution.endpoint;
    return buildFacts({
      method,
      path,
      rawHeaders,
      dialect,
      envelope: dialect.readRequest(body),
    });
  }
  if (resolution.kind === 'Raw') {
    const model = modelIn(body);
    return buildFacts({
      method,
      path,
      rawHeaders,
      dialect: resolution.family.raw,
      envelope: undefined,
      model,
    });
  }
  return {
    error: `--path is "${target}"; nothing is routed there: name an endpoint such as /v1/chat/completions`,
  };
}

/** What a look into the body would find; a body that is not JSON passes as it is. */
function modelIn(body: Buffer): string | undefined {
  try {
    const { model } = JSON.parse(body.toString('utf8')) as { model?: unknown };
    return typeof model === 'string' ? model : undefined;
  } catch {
    return undefined;
  }
}
