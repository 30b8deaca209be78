/**
 * The admission webhook: AdmissionReview v1 in, a JSON Patch, a warning or a refusal out. It has no side effects, so a dry run is
 * like any other call.
 *
 * The API server has decided by labels who is asked about, from what it stores; the path says by which of the two ways. So a
 * namespace that was labelled a moment ago is opted in here too, whatever our own copy of it says.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Operation } from './json-patch.ts';
import { inject } from './mutate.ts';
import { INJECTION_ENABLED, INJECTION_LABEL } from './names.ts';
import { isPod, type NamespaceFacts, type Pod } from './pod.ts';
import { refusal } from './problems.ts';
import type { InjectionSettings } from './settings.ts';
import { skipMessage } from './skips.ts';

/** Where each way of asking for a sidecar is posted to. */
export const PATHS = { namespace: '/inject/namespace', pod: '/inject/pod' } as const;

export type InjectionResult = 'Injected' | 'Unchanged' | 'Skipped' | 'Refused' | 'NotWanted' | 'Malformed';

export interface InjectionHandlerOptions {
  settings: () => InjectionSettings;
  /** Labels of a namespace, as far as they are known. */
  namespaceLabels: (name: string) => Readonly<Record<string, string>> | undefined;
  observe?: (result: InjectionResult) => void;
}

export type RequestHandler = (req: IncomingMessage, res: ServerResponse) => void;

/** An object of the API server is at most 3 MiB; it comes once, with little around it. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

interface AdmissionRequest {
  uid: string;
  namespace?: string;
  operation?: string;
  subResource?: string;
  resource?: { group?: string; resource?: string };
  object?: unknown;
}

interface AdmissionResponse {
  uid: string;
  allowed: boolean;
  patchType?: 'JSONPatch';
  /** Base64. */
  patch?: string;
  warnings?: string[];
  status?: { code: number; reason: string; message: string };
}

/** Serves `PATHS` and answers everything else 404. */
export function createInjectionHandler(options: InjectionHandlerOptions): RequestHandler {
  return (req, res) => {
    answer(req, options).then(
      ({ status, body }) => send(res, status, body),
      () => send(res, 500, 'injection failed\n'),
    );
  };
}

async function answer(
  req: IncomingMessage,
  options: InjectionHandlerOptions,
): Promise<{ status: number; body: object | string }> {
  const path = req.url?.split('?')[0];
  const optedIn = path === PATHS.namespace;
  if (!optedIn && path !== PATHS.pod)
    return { status: 404, body: `there are ${Object.values(PATHS).join(' and ')}\n` };
  if (req.method !== 'POST') return { status: 405, body: 'only POST is served\n' };
  if (!/^application\/json\b/i.test(req.headers['content-type'] ?? '')) {
    return { status: 415, body: 'the body must be application/json\n' };
  }
  const text = await readBody(req);
  if (text === undefined) return { status: 413, body: `the body exceeds ${MAX_BODY_BYTES} bytes\n` };
  const request = requestOf(text);
  if (typeof request === 'string') {
    options.observe?.('Malformed');
    return { status: 400, body: `${request}\n` };
  }
  const response = review(request, optedIn, options);
  return { status: 200, body: { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response } };
}

function review(
  { uid, namespace = '', object }: AdmissionRequest & { object: Pod },
  optedIn: boolean,
  { settings, namespaceLabels, observe }: InjectionHandlerOptions,
): AdmissionResponse {
  const labels = namespaceLabels(namespace) ?? {};
  const facts: NamespaceFacts = {
    name: namespace,
    labels: optedIn ? { ...labels, [INJECTION_LABEL]: INJECTION_ENABLED } : labels,
  };
  const injection = inject(object, facts, settings());
  switch (injection.outcome) {
    case 'Injected':
      observe?.(injection.patch.length > 0 ? 'Injected' : 'Unchanged');
      return { uid, allowed: true, ...patchOf(injection.patch) };
    case 'Skipped':
      observe?.('Skipped');
      return { uid, allowed: true, warnings: [skipMessage(injection)] };
    case 'Refused':
      observe?.('Refused');
      return {
        uid,
        allowed: false,
        status: { code: 422, reason: 'Invalid', message: refusal(injection.problems) },
      };
    case 'NotWanted':
      observe?.('NotWanted');
      return { uid, allowed: true };
  }
}

function patchOf(patch: readonly Operation[]): Pick<AdmissionResponse, 'patch' | 'patchType'> {
  if (patch.length === 0) return {};
  return { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
}

/** @returns what is wrong with it, where it is not a request about a new pod */
function requestOf(text: string): (AdmissionRequest & { object: Pod }) | string {
  let review: { apiVersion?: unknown; kind?: unknown; request?: Partial<AdmissionRequest> } | null;
  try {
    review = JSON.parse(text);
  } catch {
    return 'the body is not JSON';
  }
  const request = review?.request;
  if (review?.apiVersion !== 'admission.k8s.io/v1' || review.kind !== 'AdmissionReview' || !request) {
    return 'the body must be an AdmissionReview of admission.k8s.io/v1 with a request';
  }
  if (typeof request.uid !== 'string' || request.uid === '') return 'request.uid is missing';
  const { resource, operation, subResource = '' } = request;
  if (
    resource?.group !== '' ||
    resource.resource !== 'pods' ||
    subResource !== '' ||
    operation !== 'CREATE'
  ) {
    return 'only the creation of pods is reviewed here';
  }
  if (!isPod(request.object)) return 'request.object must be a pod';
  return { ...request, uid: request.uid, object: request.object };
}

async function readBody(req: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size).toString('utf8');
}

function send(res: ServerResponse, status: number, body: object | string): void {
  if (res.destroyed) return;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  res.writeHead(status, {
    'content-type': typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json',
    'content-length': Buffer.byteLength(text),
    // A body that was not read to its end must not be taken for the next request.
    ...(status === 200 ? {} : { connection: 'close' }),
  });
  res.end(text);
}
