/** Settings of injection from a YAML file, as the chart writes it, with defaults below them and flags above. */
import { readFile } from 'node:fs/promises';
import { loadAll } from 'js-yaml';
import {
  type InjectionSettings,
  readInjectionSettings,
  SettingsError,
} from '../../operator/inject/settings.ts';
import packageJson from '../../package.json' with { type: 'json' };

/** The settings cannot be used; the message says where, why, and what would be right. */
export class UnusableSettings extends Error {}

export async function injectionSettings(
  file: string | undefined,
  flags: Readonly<Record<string, unknown>> = {},
  defaults: Readonly<Record<string, unknown>> = {},
): Promise<InjectionSettings> {
  const inFile = file === undefined ? {} : mapping(file, await readOr(file));
  try {
    return readInjectionSettings({ version: packageJson.version, ...defaults, ...inFile, ...flags });
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    throw new UnusableSettings(`${file ?? 'settings'}: ${error.message}`, { cause: error });
  }
}

async function readOr(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UnusableSettings((error as Error).message, { cause: error });
  }
}

function mapping(file: string, text: string): Record<string, unknown> {
  let documents: unknown[];
  try {
    documents = loadAll(text);
  } catch (error) {
    throw new UnusableSettings(`${file}: ${(error as Error).message}`, { cause: error });
  }
  const [value] = documents;
  if (documents.length === 1 && typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new UnusableSettings(`${file}: must be one mapping of settings`);
}
