/** Reads a whole collection page by page, at one version. */
import type { KubeObject } from '../../crds/common.ts';
import type { ApiClient, ApiRequest } from './api-client.ts';

const PAGE_SIZE = 500;

interface Page {
  metadata?: { resourceVersion?: string; continue?: string };
  items?: KubeObject[] | null;
}

/** @throws ApiError 410 where the server forgot the version between two pages: start again. */
export async function listPages(
  client: ApiClient,
  request: ApiRequest,
): Promise<{ items: KubeObject[]; resourceVersion: string }> {
  const items: KubeObject[] = [];
  let next: string | undefined;
  for (;;) {
    const query = { ...request.query, limit: PAGE_SIZE, continue: next };
    const page: Page = await client.json({ ...request, query });
    for (const item of page.items ?? []) items.push(item);
    next = page.metadata?.continue || undefined;
    if (next !== undefined) continue;
    const resourceVersion = page.metadata?.resourceVersion;
    if (!resourceVersion) throw new Error(`the list ${request.path} has no resourceVersion`);
    return { items, resourceVersion };
  }
}
