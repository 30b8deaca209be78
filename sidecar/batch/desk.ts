/** Tells apart what is asked of files, batches and deferred requests. */
import { OutriderError } from '../../errors/table.ts';
import type { HttpExchange } from '../server/http-exchange.ts';
import type { RequestHead } from '../server/request-head.ts';
import type { AsyncDesk } from './async-desk.ts';
import type { BatchesDesk } from './batches-desk.ts';
import type { FilesDesk } from './files-desk.ts';

export interface Desks {
  files: FilesDesk;
  batches: BatchesDesk;
  deferred: AsyncDesk;
}

/** `segments`: of the path, behind `/v1`. */
export async function serveLater(
  { files, batches, deferred }: Desks,
  exchange: HttpExchange,
  head: RequestHead,
  accept: (() => void) | undefined,
  segments: readonly string[],
): Promise<void> {
  const { method } = exchange;
  const [what, id = '', action] = segments;
  const asked = segments.length > 3 ? 'Nothing' : `${what}${id ? '/ID' : ''}${action ? `/${action}` : ''}`;
  switch (asked) {
    case 'files':
      if (method === 'POST') return await files.create(exchange, head, accept);
      if (method === 'GET') return files.list(exchange);
      return refuse(exchange, 'GET, POST');
    case 'files/ID':
      if (method === 'GET') return files.show(exchange, id);
      if (method === 'DELETE') return await files.remove(exchange, id);
      return refuse(exchange, 'DELETE, GET');
    case 'files/ID/content':
      if (method === 'GET') return await files.content(exchange, id);
      return refuse(exchange, 'GET');
    case 'batches':
      if (method === 'POST') return await batches.create(exchange, head, accept);
      if (method === 'GET') return batches.list(exchange);
      return refuse(exchange, 'GET, POST');
    case 'batches/ID':
      if (method === 'GET') return batches.show(exchange, id);
      return refuse(exchange, 'GET');
    case 'batches/ID/cancel':
      if (method === 'POST') return await batches.cancel(exchange, id);
      return refuse(exchange, 'POST');
    case 'async/ID':
      if (method === 'GET') return await deferred.show(exchange, id);
      if (method === 'DELETE') return await deferred.remove(exchange, id);
      return refuse(exchange, 'DELETE, GET');
    default:
      throw new OutriderError('endpoint_not_found', {
        method,
        path: exchange.path,
        hint: 'files, batches and async are answered here',
      });
  }
}

function refuse({ method, path }: HttpExchange, allowed: string): never {
  throw new OutriderError('method_not_allowed', { method, path, allowed });
}
