/**
 * What a bundle is made of, in CycloneDX 1.6. The same input gives the same bytes: there is no time in it, and the serial number
 * comes from the content.
 */
import { createHash } from 'node:crypto';
import type { BundledPackage, Lockfile } from './bundled-packages.ts';
import type { BundleName } from './bundles.ts';

export function billOfMaterials(
  bundle: BundleName,
  { name, version }: Pick<Lockfile, 'name' | 'version'>,
  packages: readonly BundledPackage[],
): object {
  const ref = `${name}-${bundle}@${version}`;
  const components = [nodeRuntime(), ...packages.map(component)];
  const content = {
    metadata: {
      component: {
        type: 'application',
        'bom-ref': ref,
        name: `${name}-${bundle}`,
        version,
        licenses: [{ license: { id: 'Apache-2.0' } }],
      },
    },
    components,
    dependencies: [
      { ref, dependsOn: components.map((part) => part['bom-ref']) },
      ...components.map((part) => ({ ref: part['bom-ref'], dependsOn: [] })),
    ],
  };
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${asUuid(hash)}`,
    version: 1,
    ...content,
  };
}

function component({ name, version, license, integrity }: BundledPackage) {
  const purl = `pkg:npm/${name.replace(/^@/, '%40')}@${version}`;
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    hashes: [
      { alg: 'SHA-512', content: Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex') },
    ],
    licenses: [{ license: { id: license } }],
    purl,
  };
}

/** The one thing in an image that scanners cannot see in the bundle. */
function nodeRuntime() {
  const version = process.versions.node;
  const purl = `pkg:generic/node@${version}`;
  return {
    type: 'platform',
    'bom-ref': purl,
    name: 'node',
    version,
    licenses: [{ license: { name: 'Node.js License' } }],
    purl,
  };
}

/** Version 8 of RFC 9562 leaves all but two fields to us. */
function asUuid(hash: string): string {
  const variant = ((Number.parseInt(hash[16] as string, 16) & 0x3) | 0x8).toString(16);
  return [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    variant + hash.slice(17, 20),
    hash.slice(20, 32),
  ].join('-');
}
