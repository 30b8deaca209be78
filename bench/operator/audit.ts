/** What the operator asked of the API server, from the API server's own audit log. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** One finished request of an operator. */
export interface Asked {
  verb: string;
  /** `resource` or `resource/subresource`. */
  resource: string;
  /** `namespace/name`. */
  object: string;
  code: number;
}

interface AuditEvent {
  stage: string;
  verb: string;
  user: { username: string };
  objectRef?: { resource?: string; subresource?: string; namespace?: string; name?: string };
  responseStatus?: { code?: number };
}

export class Audit {
  readonly #path: string;
  readonly #user: string;
  #at = 0;
  #rest = '';

  /** @param user whose requests count */
  constructor(path: string, user: string) {
    this.#path = path;
    this.#user = user;
  }

  /** What came since the last call. A watch counts when it begins. */
  take(): Asked[] {
    return this.#read().flatMap((line) => {
      const { objectRef, responseStatus, stage, user, verb } = JSON.parse(line) as AuditEvent;
      const done = verb === 'watch' ? 'ResponseStarted' : 'ResponseComplete';
      if (user.username !== this.#user || stage !== done) return [];
      const { name = '', namespace = '', resource = '', subresource } = objectRef ?? {};
      return {
        verb,
        resource: subresource ? `${resource}/${subresource}` : resource,
        object: `${namespace}/${name}`,
        code: responseStatus?.code ?? 0,
      };
    });
  }

  #read(): string[] {
    const file = openSync(this.#path, 'r');
    try {
      const { size } = fstatSync(file);
      const added = Buffer.alloc(size - this.#at);
      readSync(file, added, 0, added.length, this.#at);
      this.#at = size;
      const lines = (this.#rest + added.toString('utf8')).split('\n');
      this.#rest = lines.pop() ?? '';
      return lines;
    } finally {
      closeSync(file);
    }
  }
}

export const isStatusWrite = ({ verb, resource }: Asked): boolean =>
  verb === 'patch' && /^llm(routes|providers)\/status$/.test(resource);

/** Writes of anything but Leases, which are renewed all the time. */
export const isWrite = ({ verb, resource }: Asked): boolean =>
  ['create', 'update', 'patch', 'delete'].includes(verb) && resource !== 'leases';

export const isRead = ({ verb, resource }: Asked): boolean =>
  ['list', 'watch', 'get'].includes(verb) && resource !== 'leases' && resource !== '';

/** `resource verb: count`, sorted, for people. */
export function summary(asked: readonly Asked[]): string {
  const counts = Map.groupBy(
    asked,
    ({ resource, verb, code }) => `${verb} ${resource}${code >= 400 ? ` ${code}` : ''}`,
  );
  const lines = [...counts].map(([what, list]) => `${list.length} x ${what}`).sort();
  return lines.join(', ') || 'nothing';
}

/** The most writes that any one object had. */
export function mostPerObject(asked: readonly Asked[]): number {
  const counts = Map.groupBy(asked, ({ resource, object }) => `${resource} ${object}`);
  return Math.max(0, ...[...counts.values()].map((list) => list.length));
}
