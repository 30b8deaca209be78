/** Checks of what rules demand of targets, and of what providers say of their data policy. */
import { all, type Check, distinct, integer, list, oneOf, only, shape, text } from '../check.ts';

const MOST_DOLLARS = 1_000_000_000;
/** In pico-USD per token; more is no integer that arithmetic holds exactly. */
const price = integer(0, MOST_DOLLARS * 1_000_000);
const different = distinct((value: string) => value, 'value');

const place = text(32, /^[A-Z][A-Z0-9-]*$/, 'a place in capitals such as EU');
const places = all(list(place, 16, 1), different);
/** Ten thousand days are longer than anybody keeps a promise. */
const days = integer(0, 9999);

const label = text(63, /^[a-z0-9][a-z0-9._-]*$/, 'a label in lower-case');
export const region = text(63, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'a region such as eu-central-1');
export const task = text(63, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'the name of a task');
const score = integer(0, 100);

export const constraints: Check = shape(
  {},
  {
    maxCostMicroUsd: integer(0, MOST_DOLLARS * 1_000_000),
    maxInputPrice: price,
    maxOutputPrice: price,
    maxLatencyMs: integer(1, 2_147_483_647),
    minQuality: score,
    dataPolicy: shape({}, { residency: places, retentionDays: days, training: only('Never') }),
    regions: all(list(region, 32, 1), different),
  },
);

export const onNoTarget: Check = oneOf(['Cheapest', 'LastResort']);

export const dataPolicy: Check = shape(
  {},
  {
    residency: places,
    retentionDays: days,
    training: oneOf(['Never', 'Allowed']),
    classifications: all(list(label, 32, 1), different),
  },
);

export const quality: Check = all(
  list(shape({ task, score }), 32, 1),
  distinct((entry: { task: string }) => entry.task, 'task'),
);
