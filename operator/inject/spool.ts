/**
 * Where a sidecar keeps batches and answers for later: a volume of its own of a size, or one that the pod names. Pods without
 * either get nothing, so all of it is added to the container that every pod gets.
 */
import { celAdd, celConcat, celString } from './cel.ts';
import { add, type Operation } from './json-patch.ts';
import { SPOOL_BYTES, SPOOL_DIR, SPOOL_VOLUME } from './names.ts';
import type { InjectionSettings } from './settings.ts';
import type { Subject } from './subject.ts';
import { celOf, celVariable, fill, Hole, type Node } from './template.ts';
import { amount, NO_SPOOL } from './value-kinds.ts';

const DIRECTORY = '/var/spool/outrider';

/** A file system of a size does not hold as many bytes of files: each takes whole pages, and has a record beside it. */
const EIGHTHS = 7n;

const SIZE = celVariable('spoolSize');
const OWN_VOLUME = celVariable('spoolVolume');

const volume = ({ spool }: InjectionSettings): Node => ({
  name: SPOOL_VOLUME,
  emptyDir: {
    sizeLimit: new Hole('spoolSize', 'Text'),
    ...(spool.medium === 'Memory' ? { medium: spool.medium } : {}),
  },
});

/** Whether the pod gets a volume for it. */
const hasVolume = ({ spoolSize, spoolVolume }: Subject['values']): boolean =>
  spoolVolume === undefined && spoolSize !== NO_SPOOL;

export const spoolVolume = ({ settings, values }: Subject): Operation[] =>
  hasVolume(values) ? [add('/spec/volumes/-', fill(volume(settings), values))] : [];

export const celSpoolVolume = (settings: InjectionSettings): string =>
  `(${OWN_VOLUME} != "" || ${SIZE} == ${celString(NO_SPOOL)} ? [] : [${celAdd('"/spec/volumes/-"', celOf(volume(settings), 'Object.spec.volumes', new Set()))}])`;

/** An installation may bound it for all. */
const isBounded = ({ env }: InjectionSettings): boolean => SPOOL_BYTES in env;

/** What is added to the sidecar's container. */
export function spoolMembers({ settings, values }: Subject): Operation[] {
  const { spoolSize = NO_SPOOL, spoolVolume: named } = values;
  if (named === undefined && spoolSize === NO_SPOOL) return [];
  const bytes = ((amount(spoolSize) / 1000n) * EIGHTHS) / 8n;
  return [
    add('/volumeMounts/-', { name: named ?? SPOOL_VOLUME, mountPath: DIRECTORY }),
    add('/env/-', { name: SPOOL_DIR, value: DIRECTORY }),
    ...(isBounded(settings) || spoolSize === NO_SPOOL
      ? []
      : [add('/env/-', { name: SPOOL_BYTES, value: String(bytes) })]),
  ];
}

/** The same, once the container is in its place. @param path a CEL expression for it */
export function celSpoolMembers(settings: InjectionSettings, path: string): string {
  const at = (list: string) => `${path} + ${celString(`/${list}/-`)}`;
  const type = 'Object.spec.initContainers';
  const name = `(${OWN_VOLUME} == "" ? ${celString(SPOOL_VOLUME)} : ${OWN_VOLUME})`;
  const bytes = `string(quantity(${SIZE}).asInteger() * ${EIGHTHS} / 8)`;
  const directory = celString(DIRECTORY);
  return `(${OWN_VOLUME} == "" && ${SIZE} == ${celString(NO_SPOOL)} ? [] : ${celConcat([
    `[${celAdd(at('volumeMounts'), `${type}.volumeMounts{name: ${name}, mountPath: ${directory}}`)}]`,
    `[${celAdd(at('env'), `${type}.env{name: ${celString(SPOOL_DIR)}, value: ${directory}}`)}]`,
    `(${isBounded(settings)} || ${SIZE} == ${celString(NO_SPOOL)} ? [] : [${celAdd(at('env'), `${type}.env{name: ${celString(SPOOL_BYTES)}, value: ${bytes}}`)}])`,
  ])})`;
}
