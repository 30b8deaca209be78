/** Where a URL of http or https leads to; addresses of IPv6 without their brackets. */
export interface Address {
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
}

export function addressOf(url: URL): Address {
  const tls = url.protocol === 'https:';
  return { tls, host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || (tls ? 443 : 80) };
}
