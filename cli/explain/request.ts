/** The request to be explained, read the way the sidecar reads one. */
import { type ExplainedRequest, shownContext } from '../../sidecar/context/explain.ts';
import { Shaper } from '../../sidecar/context/shaper.ts';
import { endpointAt, resolvePath } from '../../sidecar/dialects/registry.ts';
import type { Shape } from '../../sidecar/routing/explain.ts';
import { buildFacts } from '../../sidecar/routing/facts.ts';
import type { RequestFacts } from '../../sidecar/routing/plan.ts';
import { parseTarget } from '../../sidecar/server/request-target.ts';
import type { Options } from './options.ts';

/** Throws OutriderError where the sidecar would answer with one; the error is a sentence about wrong usage. */
export function factsOf(
  { method, path: target, rawHeaders }: Pick<Options, 'method' | 'path' | 'rawHeaders'>,
  body: Buffer,
): { facts: RequestFacts; shape?: Shape } | { error: string } {
  const resolution = endpointAt(target) ?? resolvePath(parseTarget(target).path, rawHeaders);
  const { path } = resolution;
  if (resolution.kind === 'Endpoint') {
    const { dialect } = resolution.endpoint;
    const request = { method, path, rawHeaders, dialect, envelope: dialect.readRequest(body) };
    return { facts: buildFacts(request), shape: shapeOf(request) };
  }
  if (resolution.kind === 'Raw') {
    const model = modelIn(body);
    const { raw: dialect } = resolution.family;
    return { facts: buildFacts({ method, path, rawHeaders, dialect, envelope: undefined, model }) };
  }
  return {
    error: `--path is "${target}"; nothing is routed there: name an endpoint such as /v1/chat/completions`,
  };
}

/** Nobody is asked here for a summary. */
const shapeOf = (request: ExplainedRequest): Shape =>
  shownContext(
    new Shaper({
      ask: () => Promise.resolve({ ok: false, why: 'Refused', detail: 'nobody is asked' }),
      clock: { monotonic: () => 0 },
      parse: { run: (_bytes, parse) => parse() },
    }),
    request,
  );

/** What a look into the body would find; a body that is not JSON passes as it is. */
function modelIn(body: Buffer): string | undefined {
  try {
    const { model } = JSON.parse(body.toString('utf8')) as { model?: unknown };
    return typeof model === 'string' ? model : undefined;
  } catch {
    return undefined;
  }
}
