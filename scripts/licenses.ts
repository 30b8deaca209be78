/** The licenses of what is in a bundle, in one text that goes with it. */
import type { BundledPackage } from './bundled-packages.ts';

const RULE = '-'.repeat(80);

export function licensesText(packages: readonly BundledPackage[]): string {
  const sections = packages.map(({ name, version, license, texts }) =>
    [`${name} ${version}`, `License: ${license}`, ...texts.map((text) => `\n${text.trim()}`)].join('\n'),
  );
  return `Parts of this program were written by others.\n\n${sections.map((text) => `${RULE}\n${text}\n`).join('\n')}`;
}
