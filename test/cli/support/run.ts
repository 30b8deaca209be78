/** Runs `outrider` as people do. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { text } from 'node:stream/consumers';

/** What an environment of its own has of ours. */
export const ENVIRONMENT = {
  PATH: process.env['PATH'] ?? '',
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
};

const MAIN = path.resolve(import.meta.dirname, '../../../cli/main.ts');

export async function outrider(...args: string[]): Promise<{ code: number; out: string[]; err: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: ENVIRONMENT });
  child.stdin.end();
  const exit = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1)));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { code, out: out.split('\n').filter((line) => line !== ''), err };
}
