import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutriderError } from '../../../errors/table.ts';
import { permits, resolvePassthrough } from '../../../sidecar/routing/passthrough.ts';
import type { RoutingTable } from '../../../sidecar/routing/table.ts';
import { facts, route, rule, table } from './support.ts';

const files = [{ methods: ['GET', 'POST'], pathPrefix: '/v1/files' }];
const made = table([
  route(
    'media',
    ['whisper-*'],
    [
      rule('team', {
        matches: [{ headers: [{ name: 'x-team', type: 'Exact', value: 'a' }] }],
        passthrough: files,
      }),
      rule('audio', { passthrough: [{ methods: ['POST'], pathPrefix: '/v1/audio/' }] }),
    ],
  ),
  route('docs', ['docs'], [rule('files', { passthrough: files })]),
  route('chat', ['chat'], [rule('all')]),
]);

function ask(
  method: string,
  path: string,
  askedModel?: string,
  headers = {},
  on: RoutingTable | undefined = made,
) {
  const request = facts({ method, path, askedModel, unread: true, pinned: true }, headers);
  const found = resolvePassthrough(on, request);
  return found instanceof OutriderError ? found.code : `${found.route.key}/${found.rule.body.name}`;
}

describe('a path that no endpoint models', () => {
  it.each([
    ['POST', '/v1/audio/transcriptions', 'ns/media/audio'],
    ['POST', '/v1/audio', 'ns/media/audio'],
    ['POST', '/v1/audio/', 'ns/media/audio'],
    ['GET', '/v1/audio/transcriptions', 'endpoint_not_found'],
    ['POST', '/v1/audiobooks', 'endpoint_not_found'],
    ['POST', '/v2/audio/transcriptions', 'endpoint_not_found'],
    ['GET', '/v1/files/file-1/content', 'ns/docs/files'],
    ['DELETE', '/v1/files/file-1', 'endpoint_not_found'],
    ['GET', '/v1/fine_tuning', 'endpoint_not_found'],
  ])('%s %s without a model goes to %s', (method, path, expected) => {
    expect(ask(method, path)).toBe(expected);
  });

  it('asks for a model where several routes could serve it', () => {
    expect(ask('GET', '/v1/files', undefined, { 'x-team': 'a' })).toBe('model_ambiguous');
    expect(ask('GET', '/v1/files', 'whisper-1', { 'x-team': 'a' })).toBe('ns/media/team');
    expect(ask('GET', '/v1/files', 'docs', { 'x-team': 'a' })).toBe('ns/docs/files');
  });

  it('is not let through by another route than that of the model', () => {
    expect(ask('GET', '/v1/files', 'chat')).toBe('endpoint_not_found');
    expect(ask('GET', '/v1/files', 'unknown')).toBe('no_route');
  });

  it('is let through by the first rule that matches and lists it', () => {
    expect(ask('POST', '/v1/audio/speech', 'whisper-1', { 'x-team': 'a' })).toBe('ns/media/audio');
    expect(ask('GET', '/v1/files', 'whisper-1')).toBe('endpoint_not_found');
  });

  it('waits for configuration', () => {
    expect(resolvePassthrough(undefined, facts({ unread: true }))).toMatchObject({
      code: 'config_unavailable',
    });
  });
});

describe('paths that manage an organisation', () => {
  const open = table([
    route('open', ['*'], [rule('all', { passthrough: [{ methods: ['GET'], pathPrefix: '/v1' }] })]),
  ]);

  it.each([
    '/v1/organization/users',
    '/v1/organizations',
    '/v1/ORGANIZATION/users',
    '/v1/%6Frganization/users',
    '/v1/admin/keys',
    '/v1/dashboard/billing/usage',
    '/v1/beta/organization',
  ])('%s is never let through', (path) => expect(ask('GET', path, 'm', {}, open)).toBe('endpoint_not_found'));

  it.each([
    '/v1/files/../organization/users',
    '/v1//organization',
    '/v1/files/%2e%2e/admin',
    '/v1/a%2forganization',
    '/v1/%zz',
  ])('%s, which a provider could read in two ways, is not let through', (path) =>
    expect(ask('GET', path, 'm', {}, open)).toBe('endpoint_not_found'),
  );

  it('are permitted by no rule, whoever asks', () => {
    const [all] = open.routes[0]?.rules ?? [];
    if (!all) throw new Error('the table has the rule');
    expect(permits(all, 'GET', ['v1', 'files'])).toBe(true);
    expect(permits(all, 'GET', ['v1', 'organization'])).toBe(false);
  });

  it('cannot be reached by any spelling of a path', () => {
    const segment = fc.oneof(
      fc.constantFrom('organization', 'Admin', 'v1', '..', '.', '', '%61dmin', 'files', 'a%2Fadmin', '%00'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 6 }), (segments) => {
        const path = `/${segments.join('/')}`;
        const taken = !ask('GET', path, 'm', {}, open).includes('_');
        const read = new URL(`http://x${taken ? path : '/v1'}`).pathname.toLowerCase();
        expect(decodeURIComponent(read)).not.toMatch(/^\/v1\/(organi[sz]ations?|orgs|admin|dashboard)(\/|$)/);
      }),
    );
  });
});
