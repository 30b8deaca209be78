/** The Dockerfile cannot be built everywhere; what it says can be compared everywhere with what the project means. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { entrypoint, environment, NODE, TARGETS, UID } from '../../scripts/image.ts';

const lines = readFileSync('Dockerfile', 'utf8')
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => /^[A-Z]+ /.test(line));
const stageOf = (name: string) => {
  const start = lines.findIndex((line) => line.endsWith(` AS ${name}`));
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => line.startsWith('FROM '));
  return { from: lines[start] ?? '', lines: end === -1 ? rest : rest.slice(0, end) };
};
const argument = (name: string) => lines.find((line) => line.startsWith(`ARG ${name}=`))?.split('=')[1];

it('has the Node that package.json pins', () => {
  expect(argument('NODE_VERSION')).toBe(packageJson.dependencies.node);
  expect(argument('VERSION')).toBe(packageJson.version);
});

it('names every base by a version, none by latest', () => {
  const bases = lines
    .filter((line) => line.startsWith('FROM '))
    .map((line) => line.split(' ').find((word) => /[:$]/.test(word) && !word.startsWith('--')));
  expect(bases).toEqual([
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the Dockerfile
    'node:${NODE_VERSION}-bookworm-slim',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the Dockerfile
    'node:${NODE_VERSION}-bookworm-slim',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the Dockerfile
    '${BASE}',
    undefined,
    undefined,
  ]);
  expect(argument('BASE')).toBe('gcr.io/distroless/cc-debian12:nonroot');
});

describe.each(TARGETS)('the target %s', (target) => {
  const stage = stageOf(target);

  it('starts as the root filesystem does', () => {
    const said = stage.lines.find((line) => line.startsWith('ENTRYPOINT '))?.slice('ENTRYPOINT '.length);
    expect(JSON.parse(said ?? 'null')).toEqual(entrypoint(target));
  });

  it('has the same variables', () => {
    const said = [...stageOf('base').lines, ...stage.lines]
      .filter((line) => line.startsWith('ENV '))
      .flatMap((line) => line.slice('ENV '.length).trim().split(/\s+/));
    expect(said).toEqual(environment(target));
  });

  it('adds nothing but our bundle to a base that is not root', () => {
    const base = stageOf('base');
    expect(stage.from).toBe(`FROM base AS ${target}`);
    expect(stage.lines.filter((line) => /^(COPY|ADD|RUN|USER) /.test(line))).toEqual([
      `COPY --from=build /out/${target} /`,
    ]);
    expect(base.lines.filter((line) => /^(RUN|ADD) /.test(line))).toEqual([]);
    expect(base.lines).toContain(`USER ${UID}:${UID}`);
    expect(base.lines).toContain(`COPY --from=node ${NODE} ${NODE}`);
  });
});
