/** Writes statuses: server-side apply to the status subresource under a field manager of its own. The spec is never touched. */
import { API_VERSION, GROUP, type KubeObject, VERSION } from '../../crds/common.ts';
import { KINDS } from '../../crds/kinds.ts';
import type { Verdict } from '../compile/types.ts';
import type { ApiClient } from '../watch/api-client.ts';
import { ApiError } from '../watch/api-error.ts';
import { TerminalError } from '../watch/queue.ts';

const FIELD_MANAGER = 'outrider-status';

export type WriteResult = { state: 'Written'; resourceVersion: string } | { state: 'Gone' };

/**
 * @param resourceVersion version of the object the status was decided for. The API server refuses (409) where the object has
 *   changed since, or is another one of the same name by now; the uid alone it does not check on a status.
 * @throws TerminalError where the API server calls the status invalid; anything else that is thrown may succeed later.
 */
export async function writeStatus(
  client: ApiClient,
  { kind, namespace, name }: Pick<Verdict, 'kind' | 'namespace' | 'name'>,
  resourceVersion: string | undefined,
  status: unknown,
): Promise<WriteResult> {
  const plural = KINDS.find((definition) => definition.kind === kind)?.plural ?? '';
  try {
    const written = await client.json<KubeObject>({
      method: 'PATCH',
      path: `/apis/${GROUP}/${VERSION}/namespaces/${namespace}/${plural}/${name}/status`,
      query: { fieldManager: FIELD_MANAGER, force: true },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: API_VERSION, kind, metadata: { name, namespace, resourceVersion }, status },
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
