/** Checks of what a route can tell of a prompt, and of what its rules ask of it. */

import { all, type Check, distinct, integer, list, oneOf, only, shape, text, wrong } from '../check.ts';
import { pattern } from '../formats.ts';
import { LANGUAGES } from '../languages.ts';
import type { TargetBody } from '../schema.ts';
import type { ClaimBody, ClassifierBody, IntentsBody } from '../shapes/signals.ts';

/** Characters of all examples of a route: what training on them takes of time and memory is bounded by this. */
const MOST_EXAMPLE_CHARACTERS = 128 * 1024;

const percent = integer(0, 100);
const name = text(63, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'a name of lower-case letters, digits and dashes');
const header = text(64, /^[a-z0-9!#$%&'*+\-.^_`|~]+$/, 'a header name in lower-case');
const label = text(63, /^[a-z0-9][a-z0-9._-]*$/, 'a label in lower-case');
const different = distinct((value: string) => value, 'value');

const unreserved = all(name, (value, path) =>
  value === 'none' ? wrong(path, value, 'another name') : undefined,
);
const intent = shape({
  name: unreserved,
  examples: all(list(text(1024), 128, 1), different),
});

const intents = (embeddings: Check): Check =>
  all(
    shape(
      {
        method: oneOf(['Lexical', 'Embeddings']),
        minScorePercent: percent,
        marginPercent: percent,
        list: all(
          list(intent, 16, 1),
          distinct((entry: { name: string }) => entry.name, 'intent'),
        ),
      },
      { embeddings },
    ),
    (value, path) => {
      const { method, embeddings, list: all } = value as IntentsBody;
      if ((method === 'Embeddings') !== (embeddings !== undefined))
        return wrong(`${path}.embeddings`, embeddings, method === 'Embeddings' ? 'set' : 'absent');
      const characters = all.flatMap(({ examples }) => examples).reduce((sum, one) => sum + one.length, 0);
      return characters <= MOST_EXAMPLE_CHARACTERS
        ? undefined
        : `${path}.list has examples of ${characters} characters; all together may have ${MOST_EXAMPLE_CHARACTERS}`;
    },
  );

/** `target` judges those of rules, and whom a signal asks like them. */
export const signals = (target: Check): Check => {
  const asked = {
    target: all(target, (value, path) =>
      (value as TargetBody).model === undefined ? wrong(`${path}.model`, undefined, 'set') : undefined,
    ),
    timeoutMs: integer(1, 30_000),
    maxInputTokens: integer(16, 8192),
    cacheMs: integer(0, 2_147_483_647),
  };
  const embeddings = shape(asked, {
    dimensions: integer(8, 4096),
    vectors: text(64, /^[0-9a-f]+$/, 'a hash'),
  });
  const classifier = shape({
    ...asked,
    maxOutputTokens: integer(8, 4096),
    labels: all(
      list(shape({ name: unreserved, description: text(512) }), 32, 1),
      distinct((entry: { name: string }) => entry.name, 'label'),
    ),
  });
  return shape({}, { intents: intents(embeddings), classifier });
};
export const classification: Check = shape({ header }, { unset: label });

const score = integer(0, 100);
const difficulty: Check = all(shape({}, { min: score, max: score }), (value, path) => {
  const { min, max } = value as { min?: number; max?: number };
  if (min === undefined && max === undefined) return `${path} needs min or max`;
  return (min ?? 0) <= (max ?? 100) ? undefined : `${path}.min is ${min}, more than max ${max}`;
});

/** Members of a match's `prompt`. */
export const promptSignals: Record<string, Check> = {
  difficulty,
  content: all(list(oneOf(['Code', 'Math']), 2, 1), different),
  languages: all(list(oneOf(LANGUAGES), 16, 1), different),
  intents: all(list(name, 8, 1), different),
  labels: all(list(name, 8, 1), different),
};

const claim: Check = all(
  shape({
    header,
    format: oneOf(['JWT', 'JSON']),
    path: list(text(128), 8, 1),
    type: oneOf(['Exact', 'Prefix', 'RegularExpression', 'OneOf']),
    values: list(text(256), 32, 1),
  }),
  (value, path) => {
    const { type, values } = value as ClaimBody;
    if (type === 'OneOf') return undefined;
    if (values.length > 1) return wrong(`${path}.values`, values, 'one value');
    return type === 'RegularExpression' ? pattern(values[0], `${path}.value`) : undefined;
  },
);

/** Members of a match. */
export const matchSignals: Record<string, Check> = {
  classifications: all(list(label, 16, 1), different),
  claims: list(claim, 8, 1),
  whenUnknown: only('Match'),
};

/** What rules ask of signals that the route does not define. */
export const definedSignals: Check = (value, path) => {
  const body = value as {
    signals?: { intents?: IntentsBody; classifier?: ClassifierBody };
    classification?: object;
    rules: {
      matches: { prompt?: { intents?: string[]; labels?: string[] }; classifications?: string[] }[];
    }[];
  };
  const known = new Set(['none', ...(body.signals?.intents?.list ?? []).map((one) => one.name)]);
  const labels = new Set(['none', ...(body.signals?.classifier?.labels ?? []).map((one) => one.name)]);
  for (const [i, rule] of body.rules.entries()) {
    for (const [j, match] of rule.matches.entries()) {
      const at = `${path}.rules[${i}].matches[${j}]`;
      if (match.prompt?.intents && !body.signals?.intents)
        return `${at}.prompt.intents asks for intents, but the route defines none: list them in signals.intents`;
      if (match.prompt?.labels && !body.signals?.classifier)
        return `${at}.prompt.labels asks for labels, but the route defines none: set signals.classifier`;
      const unlabelled = match.prompt?.labels?.find((one) => !labels.has(one));
      if (unlabelled !== undefined)
        return wrong(
          `${at}.prompt.labels`,
          unlabelled,
          `of ${[...labels].join(', ')}, the labels of the route`,
        );
      const stray = match.prompt?.intents?.find((one) => !known.has(one));
      if (stray !== undefined)
        return wrong(`${at}.prompt.intents`, stray, `of ${[...known].join(', ')}, the intents of the route`);
      if (match.classifications && !body.classification)
        return `${at}.classifications asks for a label, but the route does not say where labels come from: set classification.header`;
    }
  }
  return undefined;
};
