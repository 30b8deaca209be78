/** The examples that are applied, pointed at where the scripted providers really listen. */
import { fileURLToPath } from 'node:url';
import type { KubeObject } from '../../crds/common.ts';
import { readManifests } from '../../crds/manifests.ts';
import { canonicalJson } from '../../sidecar/snapshot/hash.ts';
import { put } from './api.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));

/** `examples/quickstart`, with `urls` in place of the URLs in it. */
export async function applyQuickstart(server: string, urls: ReadonlyMap<string, string>): Promise<void> {
  for (const object of await objectsOf('quickstart')) {
    const spec = object.spec as { endpoint?: { url?: string } } | undefined;
    const url = spec?.endpoint?.url && urls.get(spec.endpoint.url);
    if (url && spec?.endpoint) spec.endpoint.url = url;
    await put(server, asApplied(object));
  }
}

/** `examples/openai` with the key of the environment; false where there is none. */
export async function applyOpenAI(server: string, key: string | undefined): Promise<boolean> {
  if (!key) return false;
  await put(server, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'openai', namespace: 'demo', labels: { 'outrider.dev/provider-credential': 'true' } },
    stringData: { OPENAI_API_KEY: key },
  } as KubeObject);
  for (const object of await objectsOf('openai')) await put(server, asApplied(object));
  return true;
}

/** As `kubectl apply` leaves it, so that the next one finds what was applied last and warns of nothing. */
function asApplied(object: KubeObject): KubeObject {
  const { annotations = {} } = object.metadata;
  const last = `${canonicalJson({ ...object, metadata: { ...object.metadata, annotations } })}\n`;
  const known = { ...annotations, 'kubectl.kubernetes.io/last-applied-configuration': last };
  return { ...object, metadata: { ...object.metadata, annotations: known } };
}

async function objectsOf(example: string): Promise<KubeObject[]> {
  const { objects, problems } = await readManifests([`${EXAMPLES}${example}`]);
  for (const { file, line, message } of problems) throw new Error(`${file}:${line}: ${message}`);
  return objects.map(({ object }) => object);
}
