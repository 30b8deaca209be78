/** Recomputes an AWS Signature Version 4 from a received request, as the service would: by the published algorithm, with node:crypto. */
import { createHash, createHmac } from 'node:crypto';

export interface Received {
  method: string;
  /** As received, with the query. */
  path: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer | string;
}

const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest('hex');
const hmac = (key: Buffer | string, data: string) => createHmac('sha256', key).update(data).digest();
const encoded = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** Undefined: the signature holds; else what is wrong with it. */
export function signatureFault(request: Received, secretAccessKey: string): string | undefined {
  const authorization = String(request.headers.authorization ?? '');
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      authorization,
    );
  if (!parts) return `no signature in "${authorization}"`;
  const [, , day = '', region = '', service = '', signed = '', signature] = parts;
  const [path = '', query = ''] = request.path.split('?', 2);
  const canonicalQuery = [...new URLSearchParams(query)]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&');
  const names = signed.split(';');
  for (const name of ['host', 'x-amz-date']) if (!names.includes(name)) return `${name} is not signed`;
  if (request.headers['x-amz-security-token'] !== undefined && !names.includes('x-amz-security-token'))
    return 'the session token is not signed';
  const canonical = [
    request.method,
    path
      .split('/')
      .map((segment) => encoded(segment))
      .join('/'),
    canonicalQuery,
    ...names.map((name) => `${name}:${String(request.headers[name] ?? '').trim()}`),
    '',
    signed,
    sha256(request.body),
  ].join('\n');
  const time = String(request.headers['x-amz-date']);
  const toSign = ['AWS4-HMAC-SHA256', time, `${day}/${region}/${service}/aws4_request`, sha256(canonical)];
  const key = hmac(hmac(hmac(hmac(`AWS4${secretAccessKey}`, day), region), service), 'aws4_request');
  const expected = createHmac('sha256', key).update(toSign.join('\n')).digest('hex');
  return expected === signature ? undefined : 'the signature is another';
}
