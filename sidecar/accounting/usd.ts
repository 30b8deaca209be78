/** US dollars as integers of nano-USD (1e-9), and as decimal strings. */

const NANO = 1_000_000_000n;

/** The exact amount without trailing zeros, such as `0.00125`; `0` for nothing. Never in exponent form. */
export function formatUsd(nano: bigint): string {
  const sign = nano < 0n ? '-' : '';
  const amount = nano < 0n ? -nano : nano;
  const fraction = (amount % NANO).toString().padStart(9, '0').replace(/0+$/, '');
  return `${sign}${amount / NANO}${fraction === '' ? '' : `.${fraction}`}`;
}
