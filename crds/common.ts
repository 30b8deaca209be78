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

/** A CEL rule as the API server evaluates it; `message` is what the user reads. */
export interface CelRule {
  rule: string;
  message: string;
  fieldPath?: string;
  reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate';
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

/** RFC 1123 label: names of objects' parts (rules, targets, credentials). */
export const dnsLabel = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
/** RFC 1123 subdomain: names of Kubernetes objects. */
export const objectName = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);
/** GEP-2257 duration, such as `1s`, `500ms` or `1h30m`. */
export const duration = z
  .string()
  .max(24)
  .regex(/^([0-9]{1,5}(h|m|s|ms)){1,4}$/);
/** A non-negative decimal with at most six fractional digits, as a string: US dollars are never floats. */
export const decimal = z
  .string()
  .max(20)
  .regex(/^[0-9]{1,9}(\.[0-9]{1,6})?$/);
/** An HTTP field name (RFC 9110 token). */
export const headerName = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/);
/** An HTTP field value without control characters. */
export const headerValue = z
  .string()
  .max(4096)
  .regex(/^[\x20-\x7e\t]*$/);
/** The name of a model as an app or a vendor spells it. */
export const modelName = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$/);
export const labelKey = z.string().min(1).max(317);
export const labelValue = z.string().max(63);

export const header = z.strictObject({
  name: headerName.describe('Name of the header; case-insensitive.'),
  value: headerValue.describe('Value of the header.'),
});

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
            operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']).describe('How values are compared.'),
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
  .describe('Kubernetes label selector. An empty selector matches everything.');

export const secretRef = z.strictObject({
  name: objectName.describe(
    'Name of a Secret in the namespace of this object, labelled `outrider.dev/provider-credential: "true"`.',
  ),
  key: z
    .string()
    .min(1)
    .max(253)
    .regex(/^[-._a-zA-Z0-9]+$/)
    .describe('Key inside the Secret that holds the credential.'),
});

export const condition = z.strictObject({
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
  printerColumns: {
    name: string;
    type: 'string' | 'integer' | 'date' | 'boolean';
    jsonPath: string;
    description: string;
    priority?: number;
  }[];
}
