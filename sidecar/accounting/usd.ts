/** US dollars as integers of nano-USD (1e-9), and as decimal strings. */

const NANO = 1_000_000_000n;

/** The exact amount without trailing zeros, such as `0.00125`; `0` for nothing. Never in exponent form. */
export function formatUsd(nano: bigint): string {
  if (nano >= 0n && nano < NANO) return belowOne(Number(nano));
  const sign = nano < 0n ? '-' : '';
  const amount = nano < 0n ? -nano : nano;
  const fraction = (amount % NANO).toString().padStart(9, '0').replace(/0+$/, '');
  return `${sign}${amount / NANO}${fraction === '' ? '' : `.${fraction}`}`;
}

/** As most requests cost. */
function belowOne(nano: number): string {
  if (nano === 0) return '0';
  let amount = nano;
  let digits = 9;
  while (amount % 10 === 0) {
    amount /= 10;
    digits--;
  }
  const text = String(amount);
  return `${ZEROS[digits - text.length]}${text}`;
}

/** By how many there are after the point. */
const ZEROS = Array.from({ length: 9 }, (_, zeros) => `0.${'0'.repeat(zeros)}`);
