import { describe, expect, it } from 'vitest';
import { Arguments } from '../../cli/arguments.ts';
import { SPOOL_FLAGS, spoolOf } from '../../cli/spool-options.ts';

const spool = (args: string[], env: Record<string, string> = {}) =>
  spoolOf(new Arguments(args, env, SPOOL_FLAGS));

const URL = 'rediss://user:secret@batches:6379/3';

describe('where batches and answers for later are kept', () => {
  it.each([
    [[], {}, undefined],
    [['--spool-dir', '/spool'], {}, { directory: '/spool' }],
    [['--spool-dir', '/spool', '--spool-bytes', '1048576'], {}, { directory: '/spool', maxBytes: 1_048_576 }],
    [['--spool-url', URL, '--spool-scope', 'shop/web'], {}, { url: URL, scope: 'shop/web' }],
    [[], { OUTRIDER_SPOOL_URL: URL, OUTRIDER_SPOOL_BYTES: '1048576' }, { url: URL, maxBytes: 1_048_576 }],
  ])('%j %j is %j', (args, env, settings) => {
    expect(spool(args, env)).toEqual(settings);
  });

  it.each([
    [['--spool-dir', '/spool', '--spool-url', URL], '--spool-dir and --spool-url exclude each other'],
    [['--spool-bytes', '1048576'], '--spool-bytes needs --spool-dir or --spool-url'],
    [['--spool-dir', '/spool', '--spool-scope', 'a'], '--spool-scope needs --spool-url'],
    [['--spool-ca-file', '/ca.pem'], '--spool-ca-file needs --spool-url'],
    [['--spool-url', URL, '--spool-scope', '/'], '--spool-scope must be of letters'],
    [['--spool-url', 'http://user:secret@batches'], '--spool-url must be like redis://'],
    [['--spool-dir', '/spool', '--spool-bytes', '1'], '--spool-bytes is "1"'],
  ])('refuses %j, and shows no password', (args, message) => {
    expect(() => spool(args)).toThrow(message);
    expect(() => spool(args)).not.toThrow('secret');
  });

  it('takes variables of an installation as said for those who keep batches: others keep none, and start', () => {
    const env = {
      OUTRIDER_SPOOL_BYTES: '1048576',
      OUTRIDER_SPOOL_SCOPE: 'shop',
      OUTRIDER_SPOOL_CA_FILE: '/gone',
    };
    expect(spool([], env)).toBeUndefined();
    expect(spool(['--spool-dir', '/spool'], env)).toEqual({ directory: '/spool', maxBytes: 1_048_576 });
  });

  it('judges them all the same', () => {
    expect(() => spool([], { OUTRIDER_SPOOL_BYTES: '1' })).toThrow('--spool-bytes is "1"');
  });
});
