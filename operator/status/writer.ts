/** Writes statuses: server-side apply to the status subresource under a field manager of its own. The spec is never touched. */
import { API_VERSION, GROUP, type KubeObject, VERSION } from '../../crds/common.ts';
import { KINDS } from '../../crds/kinds.ts';
import type { Verdict } from '../compile/types.ts';
import type { ApiClient } from '../watch/api-client.ts';
import { ApiError } from '../watch/api-error.ts';
import { TerminalError } from '../watch/queue.ts';

export const FIELD_MANAGER = 'outrider-status';

export type WriteResult = { state: 'Written'; resourceVersion: string } | { state: 'Gone' };

/**
 * @throws TerminalError where the API server calls the status invalid; anything else that is thrown may succeed later.
 */
export async function writeStatus(
  client: ApiClient,
  { kind, namespace, name, uid }: Pick<Verdict, 'kind' | 'namespace' | 'name' | 'uid'>,
  status: unknown,
): Promise<WriteResult> {
  const plural = KINDS.find((definition) => definition.kind === kind)?.plural ?? '';
  try {
    const written = await client.json<KubeObject>({
      method: 'PATCH',
      path: `/apis/${GROUP}/${VERSION}/namespaces/${namespace}/${plural}/${name}/status`,
      query: { fieldManager: FIELD_MANAGER, force: true },
      contentType: 'application/apply-patch+yaml',
      // The uid makes the server refuse (409) where the object is another one of the same name by now.
      body: { apiVersion: API_VERSION, kind, metadata: { name, namespace, uid }, status },
    });
    return { state: 'Written', resourceVersion: written.metadata.resourceVersion ?? '' };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 404) return { state: 'Gone' };
    if (error.status === 400 || error.status === 422)
      throw new TerminalError(error.message, { cause: error });
    throw error;
  }
}
