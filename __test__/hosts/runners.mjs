// Test runners. A test file imports edgepoll, listens, echoes and closes, and the runner must end by itself.

import assert from 'node:assert';

/** Runs the tests. One must have passed, and the runner must not say that something kept it. */
async function passes(t, command, env) {
  const text = await t.must(command, env);
  assert.match(text, /Tests:? +1 passed/);
  assert.doesNotMatch(text, /did not exit|close timed out|hanging/i);
}

/** Copies the test file into the case's folder, in CommonJS or as an ES module. Returns its path. */
const testFile = (t, kind) => t.write(`echo.test.${kind}`, t.read(`echo.test.${kind}`));

const jestFor = (file) => ['--rootDir', '.', '--testMatch', `**/${file}`];
const vmModules = { NODE_OPTIONS: '--experimental-vm-modules' };

export const jest = {
  esm: (t) => passes(t, ['jest', ...jestFor(testFile(t, 'mjs'))], vmModules),
  'cjs-node-26': (t) => {
    const jestFile = t.installed('jest/bin/jest.js');
    return passes(t, [t.node26, jestFile, ...jestFor(testFile(t, 'cjs'))], vmModules);
  },
  'esm-without-option-refused': (t) =>
    t.mustFail(['jest', ...jestFor(testFile(t, 'mjs'))], /Must use import to load ES Module/),
};

const vitestIn = (pool) => (t) =>
  passes(t, ['vitest', 'run', '--globals', `--pool=${pool}`, testFile(t, 'mjs')]);

export const nodeTest = {
  esm: async (t) => {
    const text = await t.must(['node', '--test', '--test-reporter=tap', 'echo.node-test.mjs']);
    assert.match(text, /^# pass 1$/m);
    assert.match(text, /^# fail 0$/m);
  },
};

export const vitest = {
  forks: vitestIn('forks'),
  threads: vitestIn('threads'),
  'vm-threads': vitestIn('vmThreads'),
};
