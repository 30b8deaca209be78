/** What to do about a port that cannot be had. */
import type { Address } from './arguments.ts';

/** The message of an error of listening, with the flag that chooses another port; other errors keep their own. */
export function listenProblem(error: unknown, flags: Readonly<Record<string, Address>>): string {
  const { code, message, port } = error as NodeJS.ErrnoException & { port?: number };
  const [flag] = Object.entries(flags).find(([, address]) => address.port === port) ?? [];
  if (flag === undefined || (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL'))
    return message;
  const why = {
    EADDRINUSE: `port ${port} is taken by another process`,
    EACCES: `port ${port} may not be used by this user`,
    EADDRNOTAVAIL: `${flags[flag]?.host} is no address of this machine`,
  }[code];
  const variable = `OUTRIDER_${flag.toUpperCase().replaceAll('-', '_')}`;
  return `${why} (${code}): choose another with --${flag} HOST:PORT or ${variable}; port 0 takes a free one`;
}
