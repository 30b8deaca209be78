/** Fresh renders against committed ones. `UPDATE_GOLDEN=1` writes them; read the diff. */
// Whether suites run is for the machine to say.
/* oxlint-disable vitest/no-conditional-tests, vitest/valid-title, vitest/expect-expect */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { kinds } from '../../scripts/chart/plain-manifests.ts';
import {
  asText,
  CASES,
  CHART,
  golden,
  goldenFile,
  hasHelm,
  helm,
  NO_HELM,
  parse,
  render,
  valuesFile,
} from './support/renders.ts';

const FIXTURES = 'test/charts/fixtures';

describe('rendered by helm', () => {
  if (!hasHelm) {
    test(NO_HELM, (context) => context.skip(NO_HELM));
    return;
  }

  it.each(CASES)('%s is as committed, with and without an earlier release', (name) => {
    const fresh = render(name);
    expect(fresh.stderr).toBe('');
    if (process.env.UPDATE_GOLDEN) writeFileSync(goldenFile(name), asText(parse(fresh.stdout)));
    expect(parse(fresh.stdout)).toEqual(golden(name));
    expect(render(name).stdout).toBe(fresh.stdout);
    expect(parse(render(name, ['--is-upgrade']).stdout)).toEqual(golden(name));
  });

  it.each(CASES)('%s passes the strict lint', (name) => {
    const { status, stdout } = helm([
      'lint',
      '--strict',
      CHART,
      '--kube-version',
      '1.36.0',
      '--values',
      valuesFile(name),
    ]);
    expect({ status, problems: stdout.match(/\[(ERROR|WARNING)\].*/g) }).toEqual({
      status: 0,
      problems: null,
    });
  });

  it('the kinds are a chart that stands alone', () => {
    const alone = helm(['template', 'kinds', `${CHART}/charts/outrider-crds`]);
    const whole = parse(render('default', ['--set', 'crds.install=true']).stdout);
    const installed = whole.filter(({ kind }) => kind === 'CustomResourceDefinition');
    expect(parse(alone.stdout)).toEqual(installed);
    const annotations = { 'helm.sh/resource-policy': 'keep' };
    const expected = kinds().map((crd) => ({ ...crd, metadata: { ...crd.metadata, annotations } }));
    expect(installed).toEqual(parse(asText(expected)));
    const dropped = helm(['template', 'kinds', `${CHART}/charts/outrider-crds`, '--set', 'keep=false']);
    expect(dropped.stdout).not.toContain('resource-policy');
  });

  it.each(readdirSync(`${FIXTURES}/rejected`))('refuses the values of %s', (file) => {
    const path = `${FIXTURES}/rejected/${file}`;
    const expected = /^# error: (.*)$/m.exec(readFileSync(path, 'utf8'))?.[1] ?? 'no expectation';
    const { status, stderr } = helm(['template', 'outrider', CHART, '--values', path]);
    expect(status).not.toBe(0);
    expect(stderr).toContain(expected);
  });

  it.each(readdirSync(`${FIXTURES}/accepted`))('takes the values of %s', (file) => {
    const { status } = helm(['template', 'outrider', CHART, '--values', `${FIXTURES}/accepted/${file}`]);
    expect(status).toBe(0);
  });

  it.each([
    [['--set', 'injection.mode=Policy', '--kube-version', '1.35.2'], 'needs Kubernetes 1.36'],
    [['--kube-version', '1.28.9'], 'requires kubeVersion'],
    [['--set', 'repair.enabled=false,repair.evictionsPerMinute=1'], 'needs repair.enabled'],
    [['--set', 'sidecar.adminPort=4000'], 'must differ'],
    [
      ['--set', 'sidecar.spool.size=64Mi,sidecar.spoolURLSecret.name=a,sidecar.spoolURLSecret.key=b'],
      'must be "0"',
    ],
    [['--set', 'operator.namespaces={*,shop}'], 'give either'],
    [['--set', 'credentials.namespaces={shop,*}'], 'give either'],
  ])('refuses %j', (args, message) => {
    const { status, stderr } = helm(['template', 'outrider', CHART, ...args]);
    expect(status).not.toBe(0);
    expect(stderr).toContain(message);
  });
});
