/** The template of protocols: what it refuses, and that the package that it makes builds and passes its tests. docs/protocols.md shows it. */
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

import test from 'ava';

import { folder, root } from '../support/process.js';

const create = join(root, 'templates/protocol/create.mjs');
const packages = ['edgepoll', 'typescript', '@types/node', '.bin'];
const runFile = promisify(execFile);
const MINUTE = 60_000;

interface Outcome {
  code: number | string | undefined;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. The first build takes a minute on a busy machine. */
async function run(cwd: string, program: string, ...args: string[]): Promise<Outcome> {
  const env = {
    ...process.env,
    NO_COLOR: '1',
    // Where the builds of all runs of this test are.
    CARGO_TARGET_DIR: join(root, 'target/template'),
  };
  try {
    const output = await runFile(program, args, { cwd, env, timeout: 8 * MINUTE });
    return { code: 0, ...output };
  } catch (error) {
    const { code, stdout, stderr } = error as Outcome;
    return { code, stdout, stderr };
  }
}

const node = (cwd: string, ...args: string[]): Promise<Outcome> =>
  run(cwd, process.execPath, ...args);

/** What `npm install` makes: the package takes edgepoll and the tools from the clone. */
function install(project: string): void {
  mkdirSync(join(project, 'node_modules/@types'), { recursive: true });
  for (const name of packages) {
    const place = name === 'edgepoll' ? root : join(root, 'node_modules', name);
    symlinkSync(place, join(project, 'node_modules', name));
  }
}

/** A block of docs/protocols.md that shows a file of the template, or a program that uses the package. */
interface Block {
  file: string;
  text: string;
}

const document = readFileSync(join(root, 'docs/protocols.md'), 'utf8');
const blocks: Block[] = Array.from(
  document.matchAll(/^<!-- template: (\S+) -->\n```[\w,]+\n(.*?)^```$/gms),
  ([, file = '', text = '']) => ({ file, text }),
);
const isProgram = ({ file }: Block): boolean => file.startsWith('programs/');

/** What the programs of the document print. */
const prints: Record<string, string> = {
  'programs/use.ts': 'pong\necho: hello\n',
  'programs/batches.ts': 'greeting 5 bytes\n',
};

const toCompilePrograms = {
  extends: '../tsconfig.json',
  compilerOptions: { rootDir: '.', outDir: '../programs-compiled', declaration: false },
  include: ['*.ts'],
};

test('a new protocol builds and passes its tests, and the programs of docs/protocols.md run with it', async (t) => {
  t.timeout(10 * MINUTE);
  const parent = folder(t);
  const made = await node(parent, create, 'ring', '--local');
  t.like(made, { code: 0, stderr: '' });
  t.is(made.stdout, 'edgepoll-ring is there. Next: cd edgepoll-ring && npm install && npm test\n');
  const project = join(parent, 'edgepoll-ring');
  const manifest = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  t.is(manifest.devDependencies['edgepoll'], `file:${resolve(root)}`);
  install(project);

  const ended = await run(project, 'npm', 'test');
  t.is(ended.code, 0, ended.stdout + ended.stderr);
  t.regex(ended.stdout, /^test a_server_reads_messages_and_answers_pings \.\.\. ok$/m);
  t.regex(ended.stdout, /^(?:#|ℹ) pass 7$/m);

  const programs = blocks.filter(isProgram);
  t.deepEqual(programs.map(({ file }) => file).toSorted(), Object.keys(prints).toSorted());
  mkdirSync(join(project, 'programs'));
  writeFileSync(join(project, 'programs/tsconfig.json'), JSON.stringify(toCompilePrograms));
  for (const { file, text } of programs) writeFileSync(join(project, file), text);
  const compiled = await run(project, 'node_modules/.bin/tsc', '-p', 'programs');
  t.is(compiled.code, 0, compiled.stdout);
  for (const { file } of programs) {
    const printed = await node(project, file.replace(/^programs(.*)ts$/, 'programs-compiled$1js'));
    t.deepEqual(printed, { code: 0, stdout: prints[file] ?? '', stderr: '' }, file);
  }

  const unfinished = await run(project, 'npm', 'run', 'prepublishOnly');
  t.is(unfinished.code, 1);
  t.regex(unfinished.stderr, /^build: not built yet: (?:linux-\S+, ){6}linux-\S+$/m);
  const clippy = ['clippy', '--all-targets', '--features', 'node', '--', '-D', 'warnings'];
  const linted = await run(project, 'cargo', ...clippy);
  t.is(linted.code, 0, linted.stderr);
  const formatted = await run(project, 'cargo', 'fmt', '--check');
  t.is(formatted.code, 0, formatted.stdout + formatted.stderr);

  const [addon = ''] = readdirSync(join(project, 'native'));
  const imported = async (): Promise<string> => {
    const program =
      "import('edgepoll-ring').catch(({ code, message }) => console.log(code, message))";
    return (await node(project, '-e', program)).stdout;
  };
  t.is(await imported(), '');
  writeFileSync(join(project, 'native', addon), 'damaged');
  t.regex(await imported(), /^ERR_ADDON_NOT_LOADED edgepoll-ring does not load: /);
  rmSync(join(project, 'native', addon));
  t.regex(await imported(), /^ERR_ADDON_MISSING edgepoll-ring has no addon for linux-\S+$/m);
});

test('docs/protocols.md shows the files of the template as they are', async (t) => {
  const parent = folder(t);
  t.is((await node(parent, create, 'ring')).code, 0);
  const shown = blocks.filter((block) => !isProgram(block));
  t.true(shown.length >= 5);
  for (const { file, text } of shown) {
    const whole = readFileSync(join(parent, 'edgepoll-ring', file), 'utf8');
    t.true(whole.includes(text), `${file}:\n${text}`);
  }
});

test('no placeholder is left in the files of a new protocol', async (t) => {
  const parent = folder(t);
  t.is((await node(parent, create, 'ring')).code, 0);
  const project = join(parent, 'edgepoll-ring');
  const files = readdirSync(project, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  t.true(files.length > 15);
  for (const { parentPath, name } of files) {
    const text = readFileSync(join(parentPath, name), 'utf8');
    t.notRegex(text + name, /protocol[-_]?name|edgepoll-version/i, name);
    t.false(text.includes(root), `${name}: a path of this machine`);
  }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  const manifest = readFileSync(join(project, 'Cargo.toml'), 'utf8');
  t.true(manifest.includes(`edgepoll-protocol = "${version}"`));
  t.true(existsSync(join(project, '.gitignore')));
});

const refused: [args: string[], message: RegExp][] = [
  [[], /^usage: /],
  [['a', 'b'], /^usage: /],
  [['Upper'], /^the name 'Upper' is refused: /],
  [['a--b'], /^the name 'a--b' is refused: /],
  [['../up'], /^the name '\.\.\/up' is refused: /],
  [['class'], /^the name 'class' is refused: /],
  [['edgepoll-ring'], /^the name 'edgepoll-ring' is refused: leave out /],
  [['--lokal', 'ring'], /^Unknown option '--lokal'\. usage: /],
];

for (const [args, message] of refused) {
  test(`the template refuses: ${args.join(' ')}`, async (t) => {
    const parent = folder(t);
    const { code, stdout, stderr } = await node(parent, create, ...args);
    t.is(code, 2);
    t.is(stdout, '');
    t.regex(stderr, message);
    t.regex(stderr, /^[^\n]*\n$/, 'one line');
    t.deepEqual(readdirSync(parent), []);
  });
}

test('the template leaves a folder alone that exists', async (t) => {
  const parent = folder(t);
  mkdirSync(join(parent, 'edgepoll-ring'));
  const { code, stderr } = await node(parent, create, 'ring');
  t.is(code, 2);
  t.is(stderr, 'edgepoll-ring exists already\n');
  t.deepEqual(readdirSync(join(parent, 'edgepoll-ring')), []);
});
