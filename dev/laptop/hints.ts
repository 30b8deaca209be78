/** What to try, printed once everything runs. */
import { spawnSync } from 'node:child_process';

export interface Places {
  sidecar: number;
  admin: number;
  apiServer: string;
  kubeconfig: string;
  /** Control URL of the provider called north, and what it is told when all is well. */
  north: string;
  healthy: string;
  openai: boolean;
}

export function hints(places: Places, kubectl = hasKubectl()): string {
  const { sidecar, admin, apiServer, north } = places;
  const route = `${apiServer}/apis/outrider.dev/v1alpha1/namespaces/demo/llmroutes/assistant`;
  const patch = `{"spec":{"models":["assistant","gpt-*","helper"]}}`;
  const look = kubectl
    ? [
        `  export KUBECONFIG=${places.kubeconfig}`,
        '  kubectl -n demo get llmroutes,llmproviders -o wide',
        '  kubectl -n demo describe llmr assistant',
        `  kubectl -n demo patch llmr assistant --type=merge -p '${patch}'`,
        '  kubectl -n demo wait --for=condition=Ready llmr/assistant',
      ]
    : [
        '  (kubectl is not on the PATH; the same with curl)',
        `  curl -s ${route} | grep -A6 '"proxies"'`,
        `  curl -s -X PATCH ${route} -H 'content-type: application/merge-patch+json' -d '${patch}'`,
      ];
  return [
    '',
    `An app would use  OPENAI_BASE_URL=http://127.0.0.1:${sidecar}/v1${places.openai ? '  (gpt-* goes to OpenAI, with your key)' : ''}`,
    `              or  ANTHROPIC_BASE_URL=http://127.0.0.1:${sidecar}  (any SDK, whoever answers)`,
    '',
    'Ask:',
    `  curl -si http://127.0.0.1:${sidecar}/v1/chat/completions -H 'content-type: application/json' \\`,
    `    -d '{"model":"assistant","messages":[{"role":"user","content":"Hello"}]}'`,
    `  curl -sN http://127.0.0.1:${sidecar}/v1/chat/completions -H 'content-type: application/json' \\`,
    `    -d '{"model":"assistant","stream":true,"messages":[{"role":"user","content":"Hello"}]}'`,
    '',
    'Break the first provider, ask again, and heal it:',
    `  curl -s -X PUT ${north} -d '{"failure":{"kind":"Status","status":503}}'`,
    `  curl -s -X PUT ${north} -d '${places.healthy}'`,
    '  (other failures: RateLimited, QuotaExhausted, Reset, HangBeforeHeaders, ErrorInStream, EmptyStream; see dev/providers/behaviour.ts)',
    '',
    'Look, and change:',
    ...look,
    `  curl -s http://127.0.0.1:${admin}/metrics | grep ^outrider_`,
    '',
    'See what it cost, some seconds later (also --by key, -o csv):',
    `  npx outrider usage --kubeconfig ${places.kubeconfig} --by route,model`,
    '',
    'A line per request follows. Ctrl-C ends it all.',
    '',
  ].join('\n');
}

function hasKubectl(): boolean {
  return spawnSync('kubectl', ['version', '--client'], { stdio: 'ignore' }).status === 0;
}
