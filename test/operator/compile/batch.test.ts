import { describe, expect, it } from 'vitest';
import type { LLMRouteSpec } from '../../../crds/llmroute.ts';
import { effectiveLater, laterMembers, webhookSecret } from '../../../operator/compile/batch.ts';
import { Filler } from '../../../operator/compile/defaults.ts';
import { secretsOf } from '../../../operator/compile/secrets.ts';
import { webhookProblems, webhookSecrets } from '../../../operator/compile/webhooks.ts';

type Rule = LLMRouteSpec['rules'][number];
const rule = (later: Pick<Rule, 'batch' | 'async'>): Rule => ({
  name: 'all',
  targets: [{ name: 't', provider: { name: 'p' } }],
  ...later,
});

describe('what is answered later, compiled', () => {
  it('has a default for everything that is unset, and says which', () => {
    const fill = new Filler();
    const effective = effectiveLater(rule({ batch: {}, async: {} }), 'spec.rules[0]', fill);
    expect(effective).toEqual({
      batch: {
        mode: 'Auto',
        maxConcurrent: 4,
        maxRequests: 50_000,
        maxBytes: 104_857_600,
        expiresAfter: '24h',
      },
      async: { expiresAfter: '24h' },
    });
    expect(fill.defaulted).toContain('spec.rules[0].batch.mode');
    expect(fill.defaulted).toContain('spec.rules[0].async.expiresAfter');
  });

  it('is not there where the rule has none', () => {
    const fill = new Filler();
    const effective = effectiveLater(rule({}), 'spec.rules[0]', fill);
    expect(laterMembers({ name: 'all', ...effective }, 'route/shop/a')).toEqual({});
    expect(fill.defaulted).toEqual([]);
  });

  it('counts windows in minutes and times in milliseconds', () => {
    const window = { start: '22:30', end: '06:00' };
    const effective = effectiveLater(rule({ batch: { window, expiresAfter: '48h' } }), 'p', new Filler());
    expect(laterMembers({ name: 'all', ...effective }, 'route/shop/a').batch).toMatchObject({
      window: { startMinute: 1350, endMinute: 360, timeZone: 'UTC' },
      expiresAfterMs: 172_800_000,
    });
  });
});

describe('the secret of a webhook', () => {
  const spec = {
    models: ['a'],
    rules: [
      rule({ async: { webhook: { hosts: ['h.example.com'], secretRef: { name: 'hooks', key: 'k' } } } }),
    ],
  } as LLMRouteSpec;
  const source = { namespace: 'shop', id: 'route/shop/a', parsed: { ok: true, spec } };
  const route = { source } as unknown as Parameters<typeof webhookSecrets>[0];
  const secret = (labels: Record<string, string>): Parameters<typeof secretsOf>[0][number] => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'hooks', namespace: 'shop', labels },
    data: { k: Buffer.from('shh').toString('base64') },
  });

  it('goes to sidecars under the id that snapshots name', () => {
    const secrets = secretsOf([secret({ 'outrider.dev/provider-credential': 'true' })]);
    const [found] = webhookSecrets(route, secrets);
    expect(found?.id).toBe(webhookSecret('route/shop/a', 'all'));
    expect(found?.value).toMatchObject({ ok: true, value: 'shh' });
    const members = laterMembers(
      { name: 'all', ...effectiveLater(spec.rules[0] as Rule, 'p', new Filler()) },
      'route/shop/a',
    );
    expect(members.async?.webhook).toEqual({ hosts: ['h.example.com'], secret: found?.id });
    expect(webhookProblems(route, secrets)).toEqual([]);
  });

  it('is told of in the status where it may not be read', () => {
    const [problem] = webhookProblems(route, secretsOf([secret({})]));
    expect(problem).toMatchObject({ condition: 'ResolvedRefs' });
    expect(problem?.message).toContain('spec.rules[0].async.webhook.secretRef');
  });
});
