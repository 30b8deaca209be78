/** Programs of the machine: `kubectl`, `helm`, and the shell. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

export const KUBECTL = process.env.KUBECTL ?? 'kubectl';
export const HELM = process.env.HELM_BIN ?? 'helm';

/** @returns what it wrote; throws with what it complained about where it fails */
export async function run(program: string, args: readonly string[], input = ''): Promise<string> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  // A program that does not read its input to the end says why on its own.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [out, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${errors.trim()}`);
  return out;
}

export const kubectl = (args: readonly string[], input?: string): Promise<string> =>
  run(KUBECTL, args, input);
