/** Paths of vendors that name the model, or more, in them. */
import type { ProviderBody } from '../snapshot/schema.ts';
import type { Spoken } from './provider-type.ts';

type Parameters = Pick<ProviderBody, 'parameters'>;

/** `basePath` without a slash at its end; `model` as the vendor calls it. */
export function requestPath(
  spoken: Spoken,
  basePath: string,
  model: string,
  stream: boolean,
  provider: Parameters,
): string {
  const template = stream ? (spoken.streamPath ?? spoken.path) : spoken.path;
  const path = template.includes('{') ? fillPath(template, model, provider) : template;
  return spoken.fromHost ? path : basePath + path;
}

/**
 * `{model}` in a template is the vendor's name of the model, any other name a parameter of the provider. Each value is
 * percent-encoded, so none can add a segment.
 */
function fillPath(template: string, model: string, { parameters }: Parameters): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(
      name === 'model' ? model : ((parameters as Record<string, string> | undefined)?.[name] ?? ''),
    ),
  );
}
