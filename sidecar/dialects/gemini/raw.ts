/** Paths of the Gemini API, passed through unread: where they name a model, and how our own errors are told. */
import type { Dialect, NamedInPath } from '../dialect.ts';
import { RawStreamReader, UNREAD } from '../raw-stream.ts';
import { BodyScan } from '../scan/body-scan.ts';
import { renderError, renderStreamError } from './render-error.ts';
import { readErrorBody } from './upstream-error.ts';
import { readUsage } from './usage.ts';

const RESOURCE = 'models/';
/** `/v1beta/models/{model}`, and a method of it or what is below it. */
const NAMED = /^(\/v1beta\/models\/)([^/]+?)((?::[A-Za-z]+)?(?:\/.*)?)$/;

const MODEL: NamedInPath = {
  read(path) {
    const name = NAMED.exec(path)?.[2];
    return name === undefined ? undefined : decoded(name);
  },
  replace: (path, model) =>
    path.replace(NAMED, (_, before: string, _name: string, after: string) => {
      return before + encodeURIComponent(model) + after;
    }),
  plain: (name) => (name.startsWith(RESOURCE) ? name.slice(RESOURCE.length) : name),
};

export const GEMINI_RAW: Dialect = {
  name: 'gemini-raw',
  operation: 'passthrough',
  upstreamPath: '',
  modelInPath: MODEL,
  readRequest: (body) => new BodyScan(body),
  openStream: () => new RawStreamReader(),
  readComplete: () => UNREAD,
  readError: readErrorBody,
  renderError,
  renderStreamError,
  readUsage,
};

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
