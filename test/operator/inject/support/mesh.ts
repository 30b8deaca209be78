/** A stand-in for the webhook of a mesh: puts its containers where Istio's does, and knows a pod it has been asked about. */
import { text } from 'node:stream/consumers';
import type { KubeObject } from '../../../../crds/common.ts';
import { add, type Operation } from '../../../../operator/inject/json-patch.ts';
import type { Container, Pod } from '../../../../operator/inject/pod.ts';
import type { RequestHandler } from '../../../../operator/inject/webhook.ts';

export type MeshKind = 'native' | 'classic';

const PROXY = { name: 'istio-proxy', image: 'proxy' };

function patchFor(kind: MeshKind, { spec }: Pod): Operation[] {
  const has = (list: Container[] | undefined) => list?.some(({ name }) => name === PROXY.name) ?? false;
  if (has(spec.containers) || has(spec.initContainers)) return [];
  const inits = spec.initContainers ? [] : [add('/spec/initContainers', [])];
  const first = (container: object) => add('/spec/initContainers/0', container);
  return kind === 'native'
    ? [...inits, first({ ...PROXY, restartPolicy: 'Always' }), first({ name: 'istio-init', image: 'proxy' })]
    : [...inits, first({ name: 'istio-validation', image: 'proxy' }), add('/spec/containers/0', PROXY)];
}

export function meshHandler(kind: MeshKind): RequestHandler {
  return (req, res) => {
    void text(req).then((body) => {
      const { request } = JSON.parse(body) as { request: { uid: string; object: Pod } };
      const patch = Buffer.from(JSON.stringify(patchFor(kind, request.object))).toString('base64');
      const response = { uid: request.uid, allowed: true, patchType: 'JSONPatch', patch };
      res.setHeader('content-type', 'application/json');
      res.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }));
      return undefined;
    });
  };
}

/** As Istio registers its own: it is not asked again. Webhooks are called in the order of their names. */
export function meshConfiguration(
  name: string,
  label: Record<string, string>,
  url: string,
  ca: string,
): KubeObject {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: 'mesh.test.example',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        reinvocationPolicy: 'Never',
        failurePolicy: 'Fail',
        namespaceSelector: { matchLabels: label },
        clientConfig: { url: `${url}/mesh`, caBundle: Buffer.from(ca).toString('base64') },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
    ],
  } as KubeObject;
}
