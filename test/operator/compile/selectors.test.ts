import { describe, expect, it } from 'vitest';
import type { LabelSelector } from '../../../crds/common.ts';
import { isEmpty, selects } from '../../../operator/compile/selectors.ts';

type Operator = NonNullable<LabelSelector['matchExpressions']>[number]['operator'];
const expression = (key: string, operator: Operator, values?: string[]): LabelSelector => ({
  matchExpressions: [{ key, operator, ...(values && { values }) }],
});

describe('a label selector', () => {
  it.each<[string, LabelSelector | undefined, Record<string, string>, boolean]>([
    ['absent takes all', undefined, {}, true],
    ['empty takes all', {}, { app: 'web' }, true],
    ['label equal', { matchLabels: { app: 'web' } }, { app: 'web', tier: 'x' }, true],
    ['label different', { matchLabels: { app: 'web' } }, { app: 'job' }, false],
    ['label absent', { matchLabels: { app: 'web' } }, {}, false],
    ['a name every object inherits is no label', { matchLabels: { constructor: 'x' } }, {}, false],
    ['In, listed', expression('app', 'In', ['web', 'job']), { app: 'job' }, true],
    ['In, not listed', expression('app', 'In', ['web']), { app: 'job' }, false],
    ['In, absent', expression('app', 'In', ['web']), {}, false],
    ['NotIn, listed', expression('app', 'NotIn', ['web']), { app: 'web' }, false],
    ['NotIn, not listed', expression('app', 'NotIn', ['web']), { app: 'job' }, true],
    ['NotIn, absent', expression('app', 'NotIn', ['web']), {}, true],
    ['Exists, there', expression('app', 'Exists'), { app: '' }, true],
    ['Exists, absent', expression('app', 'Exists'), {}, false],
    ['DoesNotExist, there', expression('app', 'DoesNotExist'), { app: '' }, false],
    ['DoesNotExist, absent', expression('app', 'DoesNotExist'), {}, true],
    [
      'all parts must hold',
      { ...expression('tier', 'Exists'), matchLabels: { app: 'web' } },
      { app: 'web' },
      false,
    ],
  ])('%s', (_, selector, labels, expected) => expect(selects(selector, labels)).toBe(expected));

  it('is empty without labels and expressions, however it is written', () => {
    expect(isEmpty(undefined)).toBe(true);
    expect(isEmpty({ matchLabels: {}, matchExpressions: [] })).toBe(true);
    expect(isEmpty({ matchLabels: { app: 'web' } })).toBe(false);
    expect(isEmpty(expression('app', 'Exists'))).toBe(false);
  });
});
