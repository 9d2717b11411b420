/** The workflows of GitHub call what is there: scripts, npm scripts, checks and targets. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';

import { folder as temporaryFolder, root, run } from '../support/process.js';

const folder = join(root, '.github/workflows');
const workflows = readdirSync(folder).map((name) => ({
  name,
  text: readFileSync(join(folder, name), 'utf8').replaceAll(/^\s*#.*\n/gm, ''),
}));

/** What stands after a word in the workflows, each with the file's name. */
function after(pattern: RegExp): { name: string; word: string }[] {
  return workflows.flatMap(({ name, text }) =>
    Array.from(text.matchAll(pattern), ([, word = '']) => ({ name, word })),
  );
}

test('each script and npm script of a step exists', (t) => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const files = after(/(?:node |\/clone\/|- run: )((?:scripts|\.ci)\/[\w./-]+)/g);
  t.true(files.length >= 6);
  for (const { name, word } of files) t.true(existsSync(join(root, word)), `${name}: ${word}`);
  const npmScripts = after(/npm run ([\w:-]+)/g);
  t.true(npmScripts.length >= 2);
  for (const { name, word } of npmScripts) t.true(Object.hasOwn(scripts, word), `${name}: ${word}`);
});

test('each check that a step names is one of npm test', async (t) => {
  const { stdout } = await run(process.execPath, [join(root, 'scripts/test.mjs'), '--list']);
  const known = new Set(stdout.split('\n').map((line) => line.split(' ')[0]));
  const named = after(/--only ([\w,-]+)/g).flatMap(({ word }) => word.split(','));
  t.true(named.length > 3);
  t.deepEqual(
    named.filter((name) => !known.has(name)),
    [],
  );
});

test('a release builds every target that has a package folder, and no other', (t) => {
  const text = workflows.find(({ name }) => name === 'release.yml')?.text ?? '';
  const [, list = ''] = /^ {8}target:\n((?: {10}- .*\n)+)/m.exec(text) ?? [];
  const targets = Array.from(list.matchAll(/- (.*)/g), ([, target = '']) => target);
  t.deepEqual(targets.toSorted(), readdirSync(join(root, 'npm')).toSorted());
});

test('each action is pinned to a commit, the same one everywhere', (t) => {
  const pins = new Map<string, string>();
  for (const { name, word } of after(/uses: (.*)/g)) {
    t.regex(word, /^[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, name);
    const [action = '', pin = ''] = word.split('@');
    t.is(pins.get(action) ?? pin, pin, `${name}: ${action}`);
    pins.set(action, pin);
  }
  t.true(pins.size >= 4);
});

test('each container is the same image, pinned to a digest', (t) => {
  const images = after(/^ {4}(?:container| {2}image): (\S+)$/gm);
  t.true(images.length >= 3);
  for (const { name, word } of images) {
    t.regex(word, /^rust:\d+\.\d+\.\d+-bookworm@sha256:[0-9a-f]{64}$/, name);
    t.is(word, images[0]?.word ?? '', name);
  }
});

test('every run of the suite has the rights that its tests need, the same in each workflow', (t) => {
  const options = workflows.map(({ name, text }) => {
    const [, given = ''] = /^ {6}options: >-\n((?: {8}--.*\n)+)/m.exec(text) ?? [];
    t.true(given.includes('--cap-add SYS_ADMIN'), name);
    return given;
  });
  t.is(new Set(options).size, 1);
  const ci = workflows.find(({ name }) => name === 'ci.yml')?.text ?? '';
  const job = ci.split(/^(?= {2}[\w-]+:$)/m).find((text) => text.includes('.ci/run'));
  t.regex(job ?? '', /^ {4}container:\n/m);
});

test('a tag that is not on main is not released', async (t) => {
  const text = workflows.find(({ name }) => name === 'release.yml')?.text ?? '';
  const [step = ''] = /^ {6}- name: the tag is on main\n(?: {8}.*\n)+/m.exec(text) ?? [];
  t.regex(step, /^ {8}if: github\.event_name == 'push'$/m);
  const script = step.split(/^ {8}run: \|\n/m)[1] ?? '';
  const clone = temporaryFolder(t);
  const env = { GIT_DIR: `${clone}/.git`, GIT_WORK_TREE: clone, GIT_CONFIG_GLOBAL: '/dev/null' };
  const git = async (...args: string[]): Promise<void> => {
    const author = ['-c', 'user.name=tester', '-c', 'user.email=tester@localhost'];
    const { code, stderr } = await run('git', [...author, ...args], env);
    t.is(code, 0, stderr);
  };
  const check = () => run('bash', ['-e', '-c', script], { ...env, GITHUB_REF_NAME: 'v1.2.3' });

  await git('init', '--quiet');
  await git('commit', '--allow-empty', '--quiet', '-m', 'first');
  await git('tag', '-a', 'v1.2.3', '-m', 'older than main');
  await git('commit', '--allow-empty', '--quiet', '-m', 'second');
  await git('update-ref', 'refs/remotes/origin/main', 'HEAD');
  t.is((await check()).code, 0);
  await git('checkout', '--quiet', 'v1.2.3');
  t.is((await check()).code, 0);
  await git('commit', '--allow-empty', '--quiet', '-m', 'beside main');
  const { code, stdout } = await check();
  t.is(code, 1);
  t.is(stdout, '::error::v1.2.3 is not on main: delete the tag, and tag a commit of main\n');
});

test('the job that checks the tag has all branches, and every other job waits for it', (t) => {
  const text = workflows.find(({ name }) => name === 'release.yml')?.text ?? '';
  const [, jobs = ''] = text.split(/^jobs:\n/m);
  const [first = '', ...others] = jobs.split(/^(?= {2}[\w-]+:$)/m);
  t.regex(first, /^ {6}- name: the tag is on main$/m);
  t.regex(first, /^ {10}fetch-depth: 0\b/m);
  for (const job of others) t.regex(job, /^ {4}needs: /m, job.split('\n')[0]);
});

test('each job has a time limit and the permissions that it needs, and none is given to all', (t) => {
  for (const { name, text } of workflows) {
    t.regex(text, /^permissions: \{\}$/m, name);
    const [, jobs = ''] = text.split(/^jobs:\n/m);
    for (const job of jobs.split(/^(?= {2}[\w-]+:$)/m)) {
      const title = `${name}: ${job.split('\n')[0] ?? ''}`;
      t.regex(job, /^ {4}timeout-minutes: \d+$/m, title);
      t.regex(job, /^ {4}permissions:$/m, title);
    }
  }
});

test('only the jobs that publish may ask for an identity, and only for a tag', (t) => {
  const text = workflows.find(({ name }) => name === 'release.yml')?.text ?? '';
  const jobs = text.split(/^(?= {2}[\w-]+:$)/m).filter((job) => job.includes('id-token: write'));
  t.deepEqual(
    jobs.map((job) => job.split('\n')[0]),
    ['  publish:', '  publish-crate:'],
  );
  for (const job of jobs) {
    t.regex(job, /^ {4}if: github\.event_name == 'push'$/m);
    t.regex(job, /^ {4}environment: [\w-]+$/m);
  }
});
