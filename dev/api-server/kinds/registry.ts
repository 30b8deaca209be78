/** The kinds a server serves: the built-in ones and those its CustomResourceDefinitions bring. */
import type { CustomResourceDefinition } from '../../../crds/definitions.ts';
import { BUILTIN_KINDS } from './builtin.ts';
import type { Column, Kind, Schema } from './kind.ts';
import { OBJECT_META } from './shape.ts';

const AGE: Column[] = [{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }];

const kindsOf = ({ spec: { group, names, scope, versions } }: CustomResourceDefinition): Kind[] =>
  versions.map(({ name: version, schema: { openAPIV3Schema }, additionalPrinterColumns: columns }) => {
    const whole: Schema = openAPIV3Schema;
    const schema = { ...whole, properties: { ...whole.properties, metadata: OBJECT_META } };
    const traits = { namespaced: scope === 'Namespaced', custom: true, status: true, generation: true };
    return { group, version, ...names, ...traits, schema, columns: columns.length > 0 ? columns : AGE };
  });

export const servedKinds = (crds: readonly CustomResourceDefinition[]): readonly Kind[] => [
  ...BUILTIN_KINDS,
  ...crds.flatMap(kindsOf),
];
