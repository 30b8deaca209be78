/** What a rule may ask about a prompt and its user beyond the envelope: parts of `matches`. */
import { z } from 'zod';
import { cel, compilable, dnsLabel, headerName, matching, PATTERN_MESSAGE, setList } from '../common.ts';
import { range } from './range.ts';
import { classificationLabel } from './route-signals.ts';

/** Languages that the sidecar can tell apart, ISO 639-1. A test holds that it knows the same. */
export const LANGUAGES = [
  'ar',
  'bg',
  'bn',
  'cs',
  'da',
  'de',
  'el',
  'en',
  'es',
  'fa',
  'fi',
  'fr',
  'he',
  'hi',
  'hu',
  'id',
  'it',
  'ja',
  'ko',
  'nl',
  'no',
  'pl',
  'pt',
  'ro',
  'ru',
  'sk',
  'sv',
  'ta',
  'te',
  'th',
  'tr',
  'uk',
  'vi',
  'zh',
] as const;

/** Members of `matches[].prompt`. */
export const promptSignals = {
  difficulty: range(100, 'this')
    .optional()
    .describe(
      'How hard the last user message looks, 0 to 100: a sum of published features such as length, code, math, constraints and steps. The guide on signals lists them.',
    ),
  content: z
    .array(z.enum(['Code', 'Math']))
    .min(1)
    .max(2)
    .optional()
    .describe('What the user messages hold; one of them must be there.')
    .meta(setList),
  languages: z
    .array(z.enum(LANGUAGES))
    .min(1)
    .max(16)
    .optional()
    .describe(
      'Natural language of the last user message, ISO 639-1; one of them. Too short a text has none that is known.',
    )
    .meta(setList),
  intents: z
    .array(dnsLabel)
    .min(1)
    .max(8)
    .optional()
    .describe(
      'Intent of the last user message; one of them. Names of `signals.intents.list`, or `none` for a prompt that is like none of them.',
    )
    .meta(setList),
  labels: z
    .array(dnsLabel)
    .min(1)
    .max(8)
    .optional()
    .describe(
      'Label that `signals.classifier` gives the last user message; one of them. Names of its labels, or `none` for a prompt that no label fits.',
    )
    .meta(setList),
};

/** A claim's value on the wire is text; numbers and truth values are compared as JSON writes them. */
const claim = z
  .strictObject({
    header: headerName.describe(
      'Request header that carries the claims, such as authorization; a scheme before the token (`Bearer`) is left out.',
    ),
    format: z
      .enum(['JWT', 'JSON'])
      .optional()
      .describe(
        'JWT: the payload of a token, whose signature is NOT checked: on localhost a claim is what the app itself says. JSON: an object, as it is or in base64. Unset: JWT.',
      ),
    path: z
      .array(matching(/^[\x20-\x7e]+$/, 'the name of a claim', 1, 128))
      .min(1)
      .max(8)
      .describe('Names from the outside in, such as [realm, tier]. Of a list, one element must match.')
      .meta({ 'x-kubernetes-list-type': 'atomic' }),
    type: z
      .enum(['Exact', 'Prefix', 'RegularExpression', 'OneOf'])
      .optional()
      .describe(
        'How the claim is compared. RegularExpression: RE2, and must match the whole value. Unset: Exact.',
      ),
    value: z.string().min(1).max(256).optional().describe('The value, prefix or pattern.'),
    values: z
      .array(z.string().min(1).max(256))
      .min(1)
      .max(32)
      .optional()
      .describe('For OneOf.')
      .meta(setList),
  })
  .meta(
    cel(
      {
        rule: "has(self.type) && self.type == 'OneOf' ? has(self.values) && !has(self.value) : has(self.value) && !has(self.values)",
        message: 'values is required for OneOf, value for every other type',
      },
      {
        rule: `!has(self.type) || self.type != 'RegularExpression' || !has(self.value) || (${compilable('self.value').rule})`,
        message: PATTERN_MESSAGE,
        fieldPath: '.value',
      },
    ),
  );

/** Members of `matches[]`. */
export const matchSignals = {
  classifications: z
    .array(classificationLabel)
    .min(1)
    .max(16)
    .optional()
    .describe(
      "Labels of what the request carries, ignoring case; one of them. The route's `classification` says where they come from.",
    )
    .meta(setList),
  claims: z
    .array(claim)
    .min(1)
    .max(8)
    .optional()
    .describe(
      'Claims about the user that the app passes on in a header; all must match. They are the own word of the app, not proof.',
    )
    .meta({ 'x-kubernetes-list-type': 'atomic' }),
  whenUnknown: z
    .enum(['Match', 'Skip'])
    .optional()
    .describe(
      'What becomes of this entry where a signal it asks for could not be had: too little text for a language, claims that cannot be read, a model that did not answer. Match: as if it held. Skip: as if it did not. Unset: Skip.',
    ),
};
