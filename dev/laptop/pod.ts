/** The laptop's one pod: no kubelet runs it, so the launcher says of it what a kubelet would. */
import type { KubeObject } from '../../crds/common.ts';
import { put, putStatus } from './api.ts';

const NAMESPACE = 'demo';
const NAME = 'laptop';

interface Pod extends KubeObject {
  metadata: KubeObject['metadata'] & { namespace: string };
}

/** @returns the pod's identity, as its token carries it */
export async function createPod(
  server: string,
  name = NAME,
): Promise<{ namespace: string; name: string; uid: string }> {
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE, labels: { app: 'laptop', 'outrider.dev/sidecar': 'true' } },
    spec: { containers: [{ name: 'outrider', image: 'outrider/sidecar' }] },
  };
  const created = await put(server, pod);
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  await putStatus(server, {
    ...created,
    status: {
      phase: 'Running',
      startTime: now,
      containerStatuses: [
        {
          name: 'outrider',
          image: 'outrider/sidecar',
          imageID: '',
          ready: true,
          restartCount: 0,
          state: { running: { startedAt: now } },
        },
      ],
    },
  });
  return { namespace: NAMESPACE, name, uid: created.metadata.uid ?? '' };
}
