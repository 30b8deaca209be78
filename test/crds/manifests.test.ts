import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { dump } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { judgeManifests, parseManifests, readManifests } from '../../crds/manifests.ts';

const objects = (text: string) => parseManifests(text, 'f.yaml').objects.map(({ object }) => object);
const value = (text: string) =>
  (objects(`kind: X\nvalue: ${text}\n`)[0] as unknown as { value: unknown }).value;

describe('the text of a file', () => {
  test('may hold several documents, empty ones and comments', () => {
    const text = '# first\n---\nkind: A\n---\n# only a comment\n---\n---\nkind: B\n...\n';
    expect(objects(text)).toEqual([{ kind: 'A' }, { kind: 'B' }]);
  });

  test.each(['', '\n', '# nothing here\n', '---\n'])('may be empty: %j', (text) => {
    expect(parseManifests(text, 'f.yaml')).toEqual({ objects: [], problems: [] });
  });

  test('may be JSON, with tabs', () => {
    expect(objects('{\n\t"kind": "A",\n\t"list": [1, 2]\n}')).toEqual([{ kind: 'A', list: [1, 2] }]);
  });

  test('may begin with a byte order mark', () => {
    expect(objects('\ufeffkind: A\n')).toEqual([{ kind: 'A' }]);
  });

  test('lists stand for their items, lists in lists too', () => {
    const text = 'kind: List\nitems:\n- kind: A\n- kind: BList\n  items: [{ kind: B }]\n';
    expect(objects(text)).toEqual([{ kind: 'A' }, { kind: 'B' }]);
  });

  test('merge keys and anchors are applied', () => {
    expect(objects('base: &b { a: 1, c: 2 }\nkind: X\nother: { <<: *b, c: 3 }\n')).toEqual([
      { base: { a: 1, c: 2 }, kind: 'X', other: { a: 1, c: 3 } },
    ]);
  });

  test('__proto__ is a name like any other', () => {
    const [object] = objects('kind: A\n__proto__: { polluted: true }\n');
    expect(Object.hasOwn(object as object, '__proto__')).toBe(true);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

// Each pair was read back from `kubectl create --dry-run=client -o json`.
describe('scalars mean what they mean to kubectl', () => {
  test.each<[string, unknown]>([
    ['yes', true],
    ['NO', false],
    ['On', true],
    ['oFf', 'oFf'],
    ['y', true],
    ['"yes"', 'yes'],
    ['True', true],
    ['010', 8],
    ['08', 8],
    ['0o17', 15],
    ['0x10', 16],
    ['-0x1F', -31],
    ['0b11', 3],
    ['1_000', 1000],
    ['_1', '_1'],
    ['+5', 5],
    ['1e3', 1000],
    ['.5', 0.5],
    ['1.', 1],
    ['1:30', '1:30'],
    ['2024-01-01', '2024-01-01'],
    ['~', null],
    ['', null],
    ['null', null],
    ['[yes, [no], { a: on }]', [true, [false], { a: true }]],
  ])('%s', (text, meaning) => {
    expect(value(text)).toEqual(meaning);
  });

  test('but the name of a field keeps its text, and is known to be ambiguous', () => {
    const { objects: read } = parseManifests('kind: X\n"off": 1\na:\n- { on: 1, yes: 2, b: 3 }\n', 'f.yaml');
    expect(read[0]?.object).toEqual({ kind: 'X', off: 1, a: [{ on: 1, yes: 2, b: 3 }] });
    expect(read[0]?.ambiguousKeys()).toEqual(['a[0].on', 'a[0].yes']);
  });

  test('ambiguous names in a list are told by the paths of the item', () => {
    const { objects: read } = parseManifests(
      'kind: List\nitems:\n- kind: A\n- { kind: B, n: 1 }\n',
      'f.yaml',
    );
    expect(read.map((one) => one.ambiguousKeys())).toEqual([[], ['n']]);
  });
});

describe('the line of a field', () => {
  const text = `# a comment
apiVersion: v1
kind: A
spec:
  list:
  - name: one
    deep: { flow: 1,
      more: 2 }
  -
    name: two
  "quoted key": x
  text: |
    several
    lines
  after: 1
---
kind: B
labels: { a.b/c: d }
`;
  const [first, second] = parseManifests(text, 'f.yaml').objects;

  test.each([
    ['', 2],
    ['kind', 3],
    ['spec.list', 5],
    ['spec.list[0]', 6],
    ['spec.list[0].name', 6],
    ['spec.list[0].deep.flow', 7],
    ['spec.list[0].deep.more', 8],
    ['spec.list[1].name', 10],
    ['spec["quoted key"]', 11],
    ['spec.after', 15],
    // what is not there: the nearest that is
    ['spec.list[0].missing', 6],
    ['spec.list[7].name', 5],
    ['spec.missing.deeper[0]["a b"]', 4],
    ['missing', 2],
  ])('%s is on line %i', (at, line) => {
    expect(first?.lineOf(at)).toBe(line);
  });

  test('counts through the documents of the file', () => {
    expect(second?.lineOf()).toBe(17);
    expect(second?.lineOf('labels["a.b/c"]')).toBe(18);
  });

  test('is found in items of lists', () => {
    const list = 'kind: List\nitems:\n- kind: A\n  spec:\n    a: 1\n';
    const [item] = parseManifests(list, 'f.yaml').objects;
    expect([item?.lineOf(), item?.lineOf('spec'), item?.lineOf('spec.a')]).toEqual([3, 4, 5]);
  });

  test('of every field of any document is where a reader finds it', () => {
    const tree = fc.letrec((tie) => ({
      node: fc.oneof({ maxDepth: 4 }, fc.string({ maxLength: 6 }), fc.integer(), tie('list'), tie('map')),
      list: fc.array(tie('node'), { maxLength: 3 }),
      map: fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), tie('node'), {
        maxKeys: 3,
        noNullPrototype: true,
      }),
    }));
    const mark = 'the-mark-of-the-place';
    fc.assert(
      fc.property(tree.map, fc.nat(), (object, pick) => {
        const places = maps(object, 'root');
        const [at, map] = places[pick % places.length] as [string, Record<string, unknown>];
        map[mark] = 1;
        const yaml = dump({ kind: 'X', root: object }, { noRefs: true });
        delete map[mark];
        const line = yaml.split('\n').findIndex((one) => one.includes(`${mark}: 1`)) + 1;
        expect(parseManifests(yaml, 'f.yaml').objects[0]?.lineOf(`${at}.${mark}`)).toBe(line);
      }),
    );
  });
});

describe('a text that is no manifest gives a problem with its line, and no objects', () => {
  test.each([
    ['a: [1\nb: 2\n', 2, /indentation/],
    ['kind: A\n\ta: 1\n', 2, /tab/],
    ['kind: A\nkind: B\n', 2, /duplicated mapping key/],
    ['on: 1\n"on": 2\n', 2, /duplicated mapping key/],
    ['kind: A\nx: *nope\n', 2, /alias/],
    ['kind: A\n---\n- a\n', 3, /not a Kubernetes object/],
    ['kind: A\n---\njust text\n', 3, /not a Kubernetes object/],
    ['? [a]\n: b\n', 1, /complex keys/],
    ['kind: A\nx: &x [*x]\n', 2, /inside what it stands for/],
    ['kind: List\nitems: [1]\n', 2, /not a Kubernetes object/],
  ])('%j', (text, line, message) => {
    const { objects: none, problems } = parseManifests(text, 'f.yaml');
    expect(none).toEqual([]);
    expect(problems).toEqual([
      { source: 'Syntax', file: 'f.yaml', line, message: expect.stringMatching(message) },
    ]);
  });

  test('aliases that multiply are refused before they are followed', () => {
    const levels = Array.from({ length: 12 }, (_, i) =>
      i === 0
        ? 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]'
        : `a${i}: &a${i} [${Array(10)
            .fill(`*a${i - 1}`)
            .join(', ')}]`,
    );
    const { problems } = parseManifests(`kind: X\n${levels.join('\n')}\n`, 'f.yaml');
    expect(problems[0]?.message).toMatch(/aliases expand to over 200000 values/);
  });

  test('nesting without end is refused', () => {
    const { problems } = parseManifests(`kind: X\na: ${'['.repeat(5000)}`, 'f.yaml');
    expect(problems).toHaveLength(1);
  });
});

describe('files and directories', () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'outrider-manifests-'));
    const write = async (file: string, text: string) => {
      await mkdir(path.dirname(path.join(root, file)), { recursive: true });
      await writeFile(path.join(root, file), text);
    };
    await write('b.yaml', 'kind: B\n');
    await write('a/z.yml', 'kind: AZ\n');
    await write('a/c.json', '{"kind": "AC"}');
    await write('a/readme.md', 'not: read\n');
    await write('.hidden/h.yaml', 'kind: H\n');
    await write('c.yaml', 'kind: [\n');
    // As a ConfigMap is mounted.
    await write('..data/mounted.yaml', 'kind: M\n');
    await symlink('..data/mounted.yaml', path.join(root, 'mounted.yaml'));
    await symlink('.', path.join(root, 'loop'));
    await symlink('nowhere', path.join(root, 'dangling.yaml'));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  test('are read in the order of their names, without hidden ones and loops', async () => {
    const { objects: read, problems } = await readManifests([root]);
    expect(read.map(({ object, file }) => [path.relative(root, file), object.kind])).toEqual([
      ['a/c.json', 'AC'],
      ['a/z.yml', 'AZ'],
      ['b.yaml', 'B'],
      ['mounted.yaml', 'M'],
    ]);
    expect(problems).toMatchObject([{ source: 'Syntax', file: path.join(root, 'c.yaml') }]);
  });

  test('a file named by itself is read whatever it is called, and once', async () => {
    const b = path.join(root, 'b.yaml');
    const { objects: read } = await readManifests([path.join(root, 'a/readme.md'), b, b]);
    expect(read.map(({ object }) => object)).toEqual([{ not: 'read' }, { kind: 'B' }]);
  });

  test('what is not there is a problem of its own', async () => {
    const missing = path.join(root, 'missing.yaml');
    const { objects: read, problems } = await readManifests([missing, path.join(root, 'b.yaml')]);
    expect(read).toHaveLength(1);
    expect(problems).toEqual([
      { source: 'IO', file: missing, line: 0, message: expect.stringContaining('no such file') },
    ]);
  });
});

describe('judging what was read', () => {
  const provider = (name: string, spec: string) =>
    `apiVersion: outrider.dev/v1alpha1\nkind: LLMProvider\nmetadata:\n  name: ${name}\nspec:\n  ${spec}\n`;

  test('problems have file and line and come in that order', () => {
    const a = parseManifests(provider('p', 'type: OpenAI\n  x: 1'), 'a.yaml').objects;
    const b = parseManifests(
      `${provider('q', 'type: Open')}---\n${provider('R', 'type: OpenAI')}`,
      'b.yaml',
    ).objects;
    const found = judgeManifests([...b, ...a]);
    expect(found.map(({ file, line, path: at, name }) => [file, line, at, name])).toEqual([
      ['b.yaml', 6, 'spec.type', 'q'],
      ['b.yaml', 11, 'metadata.name', 'R'],
      ['a.yaml', 7, 'spec.x', 'p'],
    ]);
  });

  test('an object that is there twice is told at the second place', () => {
    const text = `${provider('p', 'type: OpenAI')}---\n${provider('p', 'type: OpenAI')}`;
    expect(judgeManifests(parseManifests(text, 'a.yaml').objects)).toMatchObject([
      {
        line: 11,
        path: 'metadata.name',
        value: 'p',
        message: expect.stringContaining('is there already in a.yaml:4'),
      },
    ]);
  });
});

function maps(value: unknown, at: string): [string, Record<string, unknown>][] {
  if (Array.isArray(value)) return value.flatMap((item, i) => maps(item, `${at}[${i}]`));
  if (typeof value !== 'object' || value === null) return [];
  const below = Object.entries(value).flatMap(([name, child]) =>
    maps(child, /^[A-Za-z_][\w-]*$/.test(name) ? `${at}.${name}` : `${at}[${JSON.stringify(name)}]`),
  );
  return [[at, value as Record<string, unknown>], ...below];
}
