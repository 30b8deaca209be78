import { expect, it } from 'vitest';
import { allGeneratedFiles, allStaleFiles } from '../../scripts/generate.ts';

it('every generated file is current', async () => {
  expect(await allStaleFiles()).toEqual([]);
});

it('the kinds, the chart and the plain manifests are generated', () => {
  expect([...allGeneratedFiles().keys()]).toEqual(
    expect.arrayContaining([
      'crds/outrider.dev_llmroutes.yaml',
      'charts/outrider/values.schema.json',
      'charts/outrider/README.md',
      'charts/outrider/templates/policies.yaml',
      'deploy/kustomization.yaml',
      'deploy/operator.yaml',
      'docs/reference/failures.md',
      'docs/reference/injection.md',
      'docs/reference/metrics.md',
      'docs/reference/providers.md',
      'docs/reference/telemetry.md',
    ]),
  );
});
