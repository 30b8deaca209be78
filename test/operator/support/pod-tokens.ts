/** What pods show to the operator. */
import type { ApiServer } from '../../../dev/api-server/server.ts';

export type TokenFor = (pod: { namespace: string; name: string; uid: string }) => Promise<string>;

/** Tokens of pods of the embedded API server. */
export const podTokens =
  (api: ApiServer): TokenFor =>
  (pod) =>
    Promise.resolve(
      api.mintToken({
        namespace: pod.namespace,
        serviceAccount: 'app',
        pod,
        audience: 'outrider',
        expiresInSeconds: 3600,
      }),
    );
