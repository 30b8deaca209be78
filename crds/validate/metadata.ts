/** The part of ObjectMeta that people write, checked as the API server checks it. */
import { z } from 'zod';
import { dnsLabel, labelKey, labelValue, matching, objectName } from '../common.ts';
import type { StructuralSchema } from '../structural.ts';
import { structuralSchema } from '../structural.ts';

const annotationKey = matching(
  /^([a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/,
  'letters, digits, "-", "_" and ".", with an optional domain and "/" before them',
  1,
  317,
);

const anything = () =>
  z
    .unknown()
    .optional()
    .describe('Set by the API server.')
    .meta({ 'x-kubernetes-preserve-unknown-fields': true });

/** Fields of ObjectMeta that the API server fills; they stand in objects read back from it. */
const served = [
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
  'managedFields',
  'ownerReferences',
  'finalizers',
] as const;

export const metadata = z.strictObject({
  name: objectName.optional().describe('Name of the object.'),
  generateName: z.string().max(253).optional().describe('Prefix of a name that the API server makes up.'),
  namespace: dnsLabel.optional().describe('Namespace of the object.'),
  labels: z.record(labelKey, labelValue).optional().describe('Labels.').meta({ maxProperties: 1000 }),
  annotations: z
    .record(annotationKey, z.string().max(262_144))
    .optional()
    .describe('Annotations.')
    .meta({ maxProperties: 1000 }),
  ...(Object.fromEntries(served.map((name) => [name, anything()])) as Record<
    (typeof served)[number],
    ReturnType<typeof anything>
  >),
});

export const metadataSchema: StructuralSchema = structuralSchema(metadata, 'metadata');
