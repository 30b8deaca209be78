/** `outrider <command>`: each command lives in a file of its own and is loaded only when asked for. */

const COMMANDS: Record<
  string,
  { summary: string; load: () => Promise<{ main(args: string[]): Promise<number> }> }
> = {
  run: { summary: 'one sidecar from manifests on disk, no cluster', load: () => import('./run.ts') },
  operator: { summary: 'the control plane', load: () => import('./operator.ts') },
  sidecar: { summary: 'the data plane beside one application', load: () => import('./sidecar.ts') },
  validate: {
    summary: 'check manifests: file, line, field, value, what would be right',
    load: () => import('./validate.ts'),
  },
  inject: { summary: 'put the sidecar into manifests', load: () => import('./inject.ts') },
  restart: { summary: 'roll workloads whose sidecars are too old', load: () => import('./restart.ts') },
  usage: { summary: 'who used how much, and what it cost', load: () => import('./usage.ts') },
  explain: { summary: 'say what would happen to a request, and why', load: () => import('./explain.ts') },
};

function usage(): string {
  const lines = Object.entries(COMMANDS).map(([name, c]) => `  ${name.padEnd(10)} ${c.summary}`);
  return `outrider: routes an application's LLM calls from beside the application\n\nusage: outrider <command> [options]\n\n${lines.join('\n')}\n\n"outrider <command> --help" says more.\n`;
}

const [name, ...args] = process.argv.slice(2);
const command = name === undefined ? undefined : COMMANDS[name];
if (command) {
  const loaded = await command.load();
  process.exitCode = await loaded.main(args);
} else {
  const asked = name === undefined || name === '--help' || name === '-h' || name === 'help';
  (asked ? process.stdout : process.stderr).write(
    asked ? usage() : `outrider: no command "${name}"\n\n${usage()}`,
  );
  process.exitCode = asked ? 0 : 2;
}
