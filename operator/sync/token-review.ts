/** The fallback of token verification: the API server judges the token itself (authentication.k8s.io/v1 TokenReview). */

interface ReviewedToken {
  namespace: string;
  serviceAccount: string;
  podName: string;
  podUid: string;
}

/** Undefined: the API server did not accept the token for this audience, or it is not bound to a pod. */
export type ReviewToken = (token: string, audience: string) => Promise<ReviewedToken | undefined>;

const PATH = '/apis/authentication.k8s.io/v1/tokenreviews';

interface TokenReviewStatus {
  authenticated?: boolean;
  audiences?: string[];
  user?: { username?: string; extra?: Record<string, string[] | undefined> };
}

/** Reviews through `post`, a caller of the API server that sends and returns JSON and throws when it cannot. */
export function tokenReviewer(post: (path: string, body: unknown) => Promise<unknown>): ReviewToken {
  return async (token, audience) => {
    const answer = (await post(PATH, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, audiences: [audience] },
    })) as { status?: TokenReviewStatus } | null;
    const status = answer?.status;
    // An API server that does not know audiences leaves the list out; then the token may be meant for anyone.
    if (status?.authenticated !== true || !status.audiences?.includes(audience)) return undefined;
    const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(status.user?.username ?? '');
    const podName = status.user?.extra?.['authentication.kubernetes.io/pod-name']?.[0];
    const podUid = status.user?.extra?.['authentication.kubernetes.io/pod-uid']?.[0];
    if (!account || !podName || !podUid) return undefined;
    return { namespace: account[1] ?? '', serviceAccount: account[2] ?? '', podName, podUid };
  };
}
