/**
 * What tells an app where its LLM calls go.
 *
 * All of it is in one ConfigMap that stands in front of a container's own sources, where everything the container says itself
 * wins. Only base URLs of a port that the pod chose cannot come from there; they become variables of the container, and only
 * where it is certain that the container sets them nowhere.
 */

import { MESH_CONTAINERS } from './meshes.ts';
import { CONTAINER, ENV_CONFIG_MAP } from './names.ts';
import type { Container } from './pod.ts';

/** Passed by SDKs that refuse to start without a key; the sidecar puts the real one in its place. */
const PLACEHOLDER_KEY = 'provided-by-outrider';

/** Variables whose value has the port in it: `http://127.0.0.1:PORT` and then `after`. */
export const BASE_URLS = [
  { name: 'OPENAI_BASE_URL', after: '/v1' },
  { name: 'ANTHROPIC_BASE_URL', after: '' },
] as const;
export const BASE_URL_BEFORE_PORT = 'http://127.0.0.1:';

/** Content of the ConfigMap. */
export function appEnvironment(port: number): Record<string, string> {
  const urls = BASE_URLS.map(({ name, after }) => [name, `${BASE_URL_BEFORE_PORT}${port}${after}`]);
  return {
    ...Object.fromEntries(urls),
    OPENAI_API_KEY: PLACEHOLDER_KEY,
    ANTHROPIC_API_KEY: PLACEHOLDER_KEY,
  };
}

/** Containers that get the app's variables: all but ours and those of meshes. */
export const isApp = ({ name }: Container): boolean => !NOT_APPS.includes(name);
export const NOT_APPS = [CONTAINER, ...MESH_CONTAINERS];

export const isOurSource = ({ configMapRef }: { configMapRef?: { name?: string } }): boolean =>
  configMapRef?.name === ENV_CONFIG_MAP;

/** Whether the container says in so many words what the variable is. */
export const setsVariable = ({ env }: Container, name: string): boolean =>
  (env ?? []).some((variable) => variable.name === name);

/** Whether a source of the container may set the variable; what is in the source is not looked at. */
export const maySetVariable = ({ envFrom }: Container, name: string): boolean =>
  (envFrom ?? []).some((source) => !isOurSource(source) && name.startsWith(source.prefix ?? ''));

/** The same three in CEL, for a container `c`. */
export const celIsOurSource = (source: string): string =>
  `${source}.?configMapRef.?name.orValue("") == ${JSON.stringify(ENV_CONFIG_MAP)}`;
export const celSetsVariable = (name: string): string =>
  `c.?env.orValue([]).exists(e, e.name == ${JSON.stringify(name)})`;
export const celMaySetVariable = (name: string): string =>
  `c.?envFrom.orValue([]).exists(s, !(${celIsOurSource('s')}) && ${JSON.stringify(name)}.startsWith(s.?prefix.orValue("")))`;
