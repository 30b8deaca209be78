/** The CustomResourceDefinitions of the API as plain JSON, built from the kinds. */
import { GROUP, type KindDefinition, VERSION } from './common.ts';
import { KINDS } from './kinds.ts';
import { type StructuralSchema, structuralSchema } from './structural.ts';

export type { StructuralSchema } from './structural.ts';

export interface PrinterColumn {
  name: string;
  type: 'string' | 'integer' | 'date' | 'boolean';
  jsonPath: string;
  description: string;
  priority?: number;
}

/** `apiextensions.k8s.io/v1` CustomResourceDefinition, as far as the project's own go. */
export interface CustomResourceDefinition {
  apiVersion: 'apiextensions.k8s.io/v1';
  kind: 'CustomResourceDefinition';
  metadata: { name: string };
  spec: {
    group: string;
    scope: 'Namespaced';
    names: {
      kind: string;
      listKind: string;
      plural: string;
      singular: string;
      shortNames: string[];
      categories: string[];
    };
    versions: {
      name: string;
      served: true;
      storage: true;
      schema: { openAPIV3Schema: StructuralSchema };
      subresources: { status: Record<string, never> };
      additionalPrinterColumns: PrinterColumn[];
    }[];
  };
}

/** The structural schema of whole objects of a kind, `apiVersion` and `metadata` included. */
export function objectSchema(kind: KindDefinition): StructuralSchema {
  return {
    description: kind.description,
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: {
        description: 'Version of the API this object is written in: `outrider.dev/v1alpha1`.',
        type: 'string',
      },
      kind: { description: `Kind of the object: \`${kind.kind}\`.`, type: 'string' },
      metadata: { type: 'object' },
      spec: {
        ...structuralSchema(kind.spec, `${kind.kind}.spec`),
        description: 'What is wanted; written by people and their tools, never by the operator.',
      },
      status: {
        ...structuralSchema(kind.status, `${kind.kind}.status`),
        description: 'What is; written by the operator.',
      },
    },
  };
}

export function crdFor(kind: KindDefinition): CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.singular,
        shortNames: kind.shortNames,
        categories: ['outrider'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: objectSchema(kind) },
          subresources: { status: {} },
          additionalPrinterColumns: kind.printerColumns,
        },
      ],
    },
  };
}

/** Every CRD of the API, in the order they are applied. */
export const allCrds = (): CustomResourceDefinition[] => KINDS.map(crdFor);
