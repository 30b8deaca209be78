/** Flags with a variable beside each, as every command takes them. A flag wins over its variable. */
import { parseArgs } from 'node:util';

/** Bad use of the command line; the message says what would be right. */
export class UsageError extends Error {}

export interface Address {
  host: string;
  port: number;
}

/** Values of single-valued flags. `--name` has the variable `OUTRIDER_NAME`. */
export class Arguments {
  readonly help: boolean;
  /** Values of flags that may be given several times. */
  readonly lists: Readonly<Record<string, string[]>>;
  readonly positionals: string[];
  readonly #switches: ReadonlySet<string>;
  readonly #values: Record<string, string | undefined>;
  readonly #env: NodeJS.ProcessEnv;

  /**
   * @param lists flags that may be given several times, with their short forms
   * @param switches flags without a value, and without a variable
   */
  constructor(
    args: string[],
    env: NodeJS.ProcessEnv,
    flags: readonly string[],
    lists: Readonly<Record<string, string>> = {},
    switches: readonly string[] = [],
  ) {
    const options: NonNullable<Parameters<typeof parseArgs>[0]>['options'] = {
      help: { type: 'boolean', short: 'h' },
    };
    for (const flag of switches) options[flag] = { type: 'boolean' };
    for (const flag of flags) options[flag] = { type: 'string' };
    for (const [flag, short] of Object.entries(lists)) {
      options[flag] = { type: 'string', multiple: true, short };
    }
    let parsed: ReturnType<typeof parseArgs>;
    try {
      parsed = parseArgs({ args, options, allowPositionals: true });
    } catch (error) {
      throw new UsageError((error as Error).message, { cause: error });
    }
    const { values } = parsed;
    this.help = values.help === true;
    this.positionals = parsed.positionals;
    this.#switches = new Set(switches.filter((flag) => values[flag] === true));
    this.lists = Object.fromEntries(
      Object.keys(lists).map((flag) => [flag, (values[flag] as string[] | undefined) ?? []]),
    );
    this.#values = Object.fromEntries(flags.map((flag) => [flag, values[flag] as string | undefined]));
    this.#env = env;
  }

  /** Whether a switch is given. */
  has(flag: string): boolean {
    return this.#switches.has(flag);
  }

  /** Whether a flag is given itself, with or without its variable. */
  isGiven(flag: string): boolean {
    return this.#values[flag] !== undefined;
  }

  /** Undefined where neither flag nor variable has a value. */
  text(flag: string): string | undefined {
    const given = this.#values[flag] ?? this.#env[`OUTRIDER_${flag.toUpperCase().replaceAll('-', '_')}`];
    return given === '' ? undefined : given;
  }

  required(flag: string): string {
    const given = this.text(flag);
    if (given === undefined) throw new UsageError(`--${flag} is required`);
    return given;
  }

  address(flag: string, fallback: string): Address {
    const given = this.text(flag) ?? fallback;
    const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/i.exec(given);
    const port = Number(match?.[3]);
    if (!match || port > 65_535) {
      throw new UsageError(`--${flag} is "${given}"; it must be HOST:PORT, such as ${fallback}`);
    }
    return { host: match[1] ?? match[2] ?? '', port };
  }

  integer(flag: string, least: number, most: number): number | undefined {
    const given = this.text(flag);
    if (given === undefined) return undefined;
    const value = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
    if (!(value >= least && value <= most)) {
      throw new UsageError(`--${flag} is "${given}"; it must be an integer from ${least} to ${most}`);
    }
    return value;
  }

  /** One of `choices`; undefined where nothing is given. */
  choice<const Choice extends string>(flag: string, choices: readonly Choice[]): Choice | undefined {
    const given = this.text(flag);
    if (given === undefined) return undefined;
    const found = choices.find((choice) => choice === given);
    if (found === undefined) {
      throw new UsageError(`--${flag} is "${given}"; it must be ${choices.join(' or ')}`);
    }
    return found;
  }

  /** Comma-separated. */
  list(flag: string): string[] {
    return (this.text(flag) ?? '')
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  }
}

/** Prints help or what is wrong with the arguments; the exit code, or the settings to go on with. */
export function readOrExplain<Settings>(
  command: string,
  help: string,
  read: () => Settings | undefined,
): { settings: Settings } | { exitCode: number } {
  try {
    const settings = read();
    if (settings !== undefined) return { settings };
    process.stdout.write(help);
    return { exitCode: 0 };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`outrider ${command}: ${error.message}\n"outrider ${command} --help" says more.\n`);
    return { exitCode: 2 };
  }
}

/** Resolves at the first signal that asks the process to end. */
export function terminated(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
}
