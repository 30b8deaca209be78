import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { isPublicAddress, mediaFetcher } from '../../../sidecar/dispatch/media.ts';
import { MemoryBudget } from '../../../sidecar/limits/memory-budget.ts';

describe('a public address', () => {
  it.each(['8.8.8.8', '1.1.1.1', '2606:4700:4700::1111', '::ffff:8.8.8.8'])('is %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([
    '127.0.0.1',
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '169.254.169.254',
    '172.31.255.255',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:10.0.0.1',
    '::ffff:a00:1',
    '64:ff9b::a00:1',
    '2002:a00:1::',
    'fd00::1',
    'fe80::1',
    'ff02::1',
    'not-an-address',
    '',
  ])('is not %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('fetching what a caller links to', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });

  async function serve(handler: (req: IncomingMessage, res: ServerResponse) => void): Promise<number> {
    const server = createServer(handler);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  const never = new AbortController().signal;
  const held = () => new MemoryBudget().open();
  const asked: string[] = [];
  /** `pictures.example` is at loopback, and that is allowed: what the test's server stands for is public. */
  const fetch = mediaFetcher({
    resolve: (host) => {
      asked.push(host);
      return Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    },
    isAllowed: () => true,
  });
  const picture = (port: number) => `http://pictures.example:${port}/cat.png?size=2`;

  it('gives type and base64, and sends no credentials', async () => {
    let seen: IncomingMessage | undefined;
    const port = await serve((req, res) => {
      seen = req;
      res.writeHead(200, { 'content-type': 'image/PNG; charset=binary' }).end(Buffer.from([1, 2, 3]));
    });
    const hold = held();
    expect(await fetch(picture(port), hold, never)).toEqual({ mediaType: 'image/png', data: 'AQID' });
    expect(seen?.url).toBe('/cat.png?size=2');
    expect(seen?.headers.host).toBe(`pictures.example:${port}`);
    expect(seen?.headers.authorization).toBeUndefined();
    expect(asked).toContain('pictures.example');
    expect(hold.size).toBe(7);
  });

  it.each<[string, (req: IncomingMessage, res: ServerResponse) => void, RegExp]>([
    ['a redirect', (_, res) => res.writeHead(302, { location: 'http://10.0.0.1/' }).end(), /status 302/],
    ['a missing picture', (_, res) => res.writeHead(404).end(), /status 404/],
    [
      'a page',
      (_, res) => res.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
      /neither an image nor a PDF/,
    ],
    [
      'more than the limit',
      (_, res) => {
        res.writeHead(200, { 'content-type': 'image/png' });
        const chunk = Buffer.alloc(1024 * 1024);
        for (let i = 0; i < 11; i++) res.write(chunk);
        res.end();
      },
      /larger than 10485760 bytes/,
    ],
    [
      'a body that breaks off',
      (_, res) => {
        res.writeHead(200, { 'content-type': 'image/png', 'content-length': 10 });
        res.write('abc', () => res.destroy());
      },
      /it broke off/,
    ],
  ])('refuses %s', async (_, handler, message) => {
    const port = await serve(handler);
    await expect(fetch(picture(port), held(), never)).rejects.toThrow(message);
  });

  it('refuses what the memory budget has no room for', async () => {
    const port = await serve((_, res) =>
      res.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.alloc(5000)),
    );
    const small = new MemoryBudget(8000).open();
    await expect(fetch(picture(port), small, never)).rejects.toMatchObject({ code: 'memory_full' });
  });

  it('gives up when the caller does', async () => {
    const gone = new AbortController();
    const port = await serve(() => gone.abort());
    await expect(fetch(picture(port), held(), gone.signal)).rejects.toThrow(/took too long/);
  });

  it.each([
    ['file:///etc/passwd', /no http or https URL/],
    ['nonsense', /no http or https URL/],
    ['http://user:secret@example.com/a.png', /it carries credentials/],
  ])('refuses the link %s', async (link, message) => {
    await expect(fetch(link, held(), never)).rejects.toThrow(message);
  });

  it('does not dial a name that leads inside, even in part', async () => {
    const inward = mediaFetcher({
      resolve: () =>
        Promise.resolve([
          { address: '93.184.216.34', family: 4 },
          { address: '169.254.169.254', family: 4 },
        ]),
      isAllowed: isPublicAddress,
    });
    await expect(inward('http://metadata.example/latest', held(), never)).rejects.toThrow(
      /not a public address/,
    );
    const plain = mediaFetcher();
    await expect(plain('http://127.0.0.1/x.png', held(), never)).rejects.toThrow(/not a public address/);
    await expect(plain('http://[::1]/x.png', held(), never)).rejects.toThrow(/not a public address/);
    await expect(plain('http://0x7f000001/x.png', held(), never)).rejects.toThrow(/not a public address/);
  });
});
