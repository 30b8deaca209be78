/**
 * Building blocks shared by every kind: names, durations, decimal strings, references, conditions.
 *
 * A schema here is the only source for a field: the TypeScript type, the CRD's OpenAPI schema, the reference page and the
 * validator are all derived from it. `.meta()` carries what zod cannot say (CEL rules, list types); it passes into the CRD.
 */
import { z } from 'zod';

export const GROUP = 'outrider.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

/**
 * A CEL rule as the API server evaluates it; `message` is what the user reads. No `reason` is given: for FieldValueDuplicate the
 * API server leaves the message out.
 */
export interface CelRule {
  rule: string;
  message: string;
  fieldPath?: string;
}

/** CEL rules of a schema node. They may use only the functions that `crds/cel` evaluates. */
export const cel = (...rules: CelRule[]): { 'x-kubernetes-validations': CelRule[] } => ({
  'x-kubernetes-validations': rules,
});

/** A list merged by key under server-side apply. */
export const mapList = (...keys: string[]) => ({
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
});
/** A list replaced whole: its order is its meaning. */
export const atomicList = { 'x-kubernetes-list-type': 'atomic' };
/** A list of unique scalars. */
export const setList = { 'x-kubernetes-list-type': 'set' };

const meanings = new Map<string, string>();

/** What a `pattern` of a schema demands, in words; undefined for a pattern not made by `matching`. */
export const meaningOf = (pattern: string): string | undefined => meanings.get(pattern);

/** How a schema spells a regular expression: RE2 needs no escaped slash. */
export const patternText = (pattern: RegExp): string => pattern.source.replaceAll('\\/', '/');

/**
 * A string of `min` to `max` characters of a form that `meaning` says in words; messages and reference pages show the words.
 * The pattern runs as RE2 in the API server and as a JavaScript pattern here, so it may use only what both read alike.
 */
export function matching(pattern: RegExp, meaning: string, min: number, max: number) {
  meanings.set(patternText(pattern), meaning);
  const text = z.string().max(max).regex(pattern, meaning);
  return min > 0 ? text.min(min) : text;
}

/** RFC 1123 label: names of namespaces, and of the parts of objects (rules, targets, credentials). */
export const dnsLabel = matching(
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  'lower-case letters, digits and "-", with a letter or digit first and last',
  1,
  63,
);
/** RFC 1123 subdomain: names of Kubernetes objects. */
export const objectName = matching(
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  'lower-case letters, digits, "-" and ".", with a letter or digit first and last in each part',
  1,
  253,
);
/** GEP-2257 duration of at most 570 hours, such as `1s`, `500ms` or `1h30m`. Zero is a duration. */
export const durationOrZero = matching(
  /^([0-9]{1,2}h)?([0-9]{1,4}m)?([0-9]{1,6}s)?([0-9]{1,8}ms)?$/,
  'a duration such as 500ms, 30s or 1h30m',
  2,
  25,
);
/** A duration longer than zero. */
export const duration = durationOrZero.meta(
  cel({ rule: "self.matches('[1-9]')", message: 'must be longer than zero' }),
);
/** A non-negative decimal with at most six fractional digits, as a string: US dollars are never floats. */
export const decimal = matching(
  /^[0-9]{1,9}(\.[0-9]{1,6})?$/,
  'a decimal number in quotes, such as "2.50", with at most six digits after the point',
  1,
  16,
);
/** An HTTP field name (RFC 9110 token). */
export const headerName = matching(
  /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/,
  'the name of an HTTP header: letters, digits and "-"',
  1,
  64,
);
/** An HTTP field value without control characters. */
export const headerValue = matching(/^[\x20-\x7e\t]*$/, 'printable ASCII text', 0, 4096);
/** The name of a model as an app or a vendor spells it. */
export const modelName = matching(
  /^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$/,
  'the name of a model: letters, digits and any of . _ : / @ + -',
  1,
  256,
);
/** CRDs cannot bound keys of a map; the validator of manifests does. */
export const labelKey = matching(
  /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/,
  'a label key: letters, digits, "-", "_" and ".", with an optional domain and "/" before them',
  1,
  317,
);
export const labelValue = matching(
  /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/,
  'a label value: letters, digits, "-", "_" and ".", with a letter or digit first and last',
  0,
  63,
);

/** Headers that carry credentials, frame the message, or are the project's own; alternatives in RE2 syntax. */
const RESERVED_HEADERS =
  'authorization|cookie|.*api-key|proxy-.*|x-outrider-.*|host|connection|keep-alive|te|trailer|upgrade|expect|content-.*|.*-encoding';
/** Of a caller, these stay here as well. */
const PRIVATE_HEADERS = `${RESERVED_HEADERS}|set-cookie|x-amz-security-token|sec-.*`;
const RESERVED_HEADERS_MESSAGE =
  'is not a header that can be set: credentials come from credentials, and the proxy itself writes the headers of the connection and the body';

/** A rule for an object with a header `name`. */
const settableHeader: CelRule = {
  rule: `!self.name.matches('(?i)^(${RESERVED_HEADERS})$')`,
  message: RESERVED_HEADERS_MESSAGE,
  fieldPath: '.name',
};
/** A rule for a list of header names. */
export const forwardableHeaders: CelRule = {
  rule: `self.all(name, !name.matches('(?i)^(${PRIVATE_HEADERS})$'))`,
  message:
    'must not name headers that carry credentials or belong to the connection or the body: those are never forwarded',
};

export const PATTERN_MESSAGE = 'must be an RE2 pattern; back-references and look-around are not supported';

/**
 * A rule that holds for every pattern that RE2 can compile, because matching with any other is an error: the API server
 * then refuses the object with the engine's own words and this message.
 */
export const compilable = (field: string, fieldPath?: string): CelRule => ({
  rule: `''.matches(${field}) ? true : true`,
  message: PATTERN_MESSAGE,
  ...(fieldPath === undefined ? {} : { fieldPath }),
});

export const header = z
  .strictObject({
    name: headerName.describe('Name of the header; case-insensitive.'),
    value: headerValue.describe('Value of the header.'),
  })
  .meta(cel(settableHeader));

export const labelSelector = z
  .strictObject({
    matchLabels: z
      .record(labelKey, labelValue)
      .optional()
      .describe('Labels that must all be present with these values.')
      .meta({ maxProperties: 32 }),
    matchExpressions: z
      .array(
        z
          .strictObject({
            key: labelKey.describe('Label key the expression is about.'),
            operator: z
              .enum(['In', 'NotIn', 'Exists', 'DoesNotExist'])
              .describe(
                'In: the label is one of values. NotIn: the label is absent or none of values. Exists, DoesNotExist: whether the label is there.',
              ),
            values: z
              .array(labelValue)
              .max(32)
              .optional()
              .describe('Values for In and NotIn; absent for Exists and DoesNotExist.')
              .meta(atomicList),
          })
          .meta(
            cel({
              rule: "self.operator == 'In' || self.operator == 'NotIn' ? has(self.values) && size(self.values) > 0 : !has(self.values)",
              message: 'values is required for In and NotIn, and must be absent for Exists and DoesNotExist',
            }),
          ),
      )
      .max(16)
      .optional()
      .describe('Expressions that must all hold.')
      .meta(atomicList),
  })
  .describe('Kubernetes label selector; all parts must hold. An empty selector matches everything.');

export const secretRef = z.strictObject({
  name: objectName.describe(
    'Name of a Secret in the namespace of this object. It must be labelled `outrider.dev/provider-credential: "true"`: creating a provider must not be a way to read any Secret.',
  ),
  key: matching(/^[-._a-zA-Z0-9]+$/, 'a key of a Secret: letters, digits, "-", "_" and "."', 1, 253).describe(
    'Key inside the Secret that holds the credential.',
  ),
});

const condition = z.strictObject({
  type: z.string().max(316).describe('Type of the condition, such as Ready or Programmed.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether the condition holds.'),
  observedGeneration: z.int().min(0).optional().describe('metadata.generation this condition was set for.'),
  lastTransitionTime: z.iso.datetime({ offset: true }).describe('When the status last changed.'),
  reason: z.string().min(1).max(1024).describe('One CamelCase word for the cause.'),
  message: z.string().max(32_768).describe('A sentence for a person.'),
});

export const conditions = z
  .array(condition)
  .max(8)
  .optional()
  .describe('Latest observations of the object, one per type.')
  .meta(mapList('type'));

export type LabelSelector = z.infer<typeof labelSelector>;
export type Condition = z.infer<typeof condition>;

/** The part of Kubernetes' ObjectMeta that the project reads. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  generation?: number;
  resourceVersion?: string;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

/** Any Kubernetes object as it travels in JSON. */
export interface KubeObject<Spec = unknown, Status = unknown> {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec?: Spec;
  status?: Status;
}

/** One kind of the public API: everything the CRD generator, the validator and the reference pages need. */
export interface KindDefinition {
  kind: string;
  plural: string;
  singular: string;
  shortNames: string[];
  description: string;
  spec: z.ZodType;
  status: z.ZodType;
  /** A manifest for the reference page. */
  example: string;
  /** Conditions of the status, for the reference page. */
  conditions: { type: string; meaning: string }[];
  printerColumns: {
    name: string;
    type: 'string' | 'integer' | 'date' | 'boolean';
    jsonPath: string;
    description: string;
    priority?: number;
  }[];
}
