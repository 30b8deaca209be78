/** The kinds a server serves: the built-in ones and those its CustomResourceDefinitions bring. */
import type { CustomResourceDefinition } from '../../../crds/definitions.ts';
import { BUILTIN_KINDS } from './builtin.ts';
import type { Column, Kind, Schema } from './kind.ts';
import { OBJECT_META } from './shape.ts';

const AGE: Column[] = [{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }];

const kindsOf = ({ spec: { group, names, scope, versions } }: CustomResourceDefinition): Kind[] =>
  versions.map(({ name: version, schema: { openAPIV3Schema }, additionalPrinterColumns: columns }) => {
    const schema: Schema = openAPIV3Schema;
    return {
      group,
      version,
      ...names,
      namespaced: scope === 'Namespaced',
      custom: true,
      status: true,
      generation: true,
      schema: { ...schema, properties: { ...schema.properties, metadata: OBJECT_META } },
      columns: columns.length > 0 ? columns : AGE,
    };
  });

export interface Registry {
  readonly kinds: readonly Kind[];
  find(group: string, version: string, plural: string): Kind | undefined;
}

export function registryOf(crds: readonly CustomResourceDefinition[]): Registry {
  const kinds = [...BUILTIN_KINDS, ...crds.flatMap(kindsOf)];
  const byPath = new Map(kinds.map((kind) => [`${kind.group}/${kind.version}/${kind.plural}`, kind]));
  return { kinds, find: (group, version, plural) => byPath.get(`${group}/${version}/${plural}`) };
}
