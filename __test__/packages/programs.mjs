// The first programs of README.md, as a user runs them: each has to print what README.md says.

import { match, strictEqual } from 'node:assert';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { docPrograms, writePrograms } from '../../scripts/lib/doc-programs.mjs';
import { inProject } from '../../scripts/lib/root.mjs';

const names = ['server', 'watch', 'poller', 'connect'];
/** Those of the READMEs of protocols/. */
const ofPlugins = docPrograms().filter(({ source }) => source.startsWith('protocols/'));
const compiled = inProject('build/packages/programs');

/** Compiles the programs, once for all users. */
export async function compilePrograms() {
  const ofReadme = docPrograms().filter(({ source }) => source === 'README.md');
  const chosen = names.map((name) => {
    const program = ofReadme.find((each) => each.name === name);
    if (program === undefined) throw new Error(`README.md has no program called ${name}`);
    return program;
  });
  await writePrograms(compiled, [...chosen, ...ofPlugins]);
}

/** Puts the programs and the smoke test into the user's folder. */
export function addPrograms(user) {
  addCompiled(user, names);
}

/** Puts the programs that use protocols, and a smoke test for them, into the user's folder. */
export function addPluginPrograms(user) {
  addCompiled(
    user,
    ofPlugins.map(({ name }) => name),
  );
}

function addCompiled(user, programs) {
  for (const name of programs) {
    const text = readFileSync(`${compiled}/${name}.js`, 'utf8');
    writeFileSync(`${user.folder}/${name}.mjs`, text.replaceAll('127.0.0.1', user.host));
  }
  cpSync(inProject('__test__/smoke'), `${user.folder}/smoke`, { recursive: true });
}

/** Puts one of fixtures/ into the user's folder. Returns its name. */
export function addFixture(user, name) {
  cpSync(inProject(`__test__/packages/fixtures/${name}`), `${user.folder}/${name}`);
  return name;
}

/** Runs all of them; `command` is what a script's path follows. */
export async function runPrograms(user, command) {
  addPrograms(user);
  await runServer(user, command);
  const poller = await user.run(...command, 'poller.mjs');
  strictEqual(poller.trim().split('\n').toSorted().join(), 'counted 3n,expired 1n');
  const watched = ['-c', 'echo first | "$@"', 'sh', ...command, 'watch.mjs'];
  strictEqual(await user.run('sh', ...watched), 'first\n');
  await runSmoke(user, command);
}

/** The server answers the program that connects to it, and says how the connection ended. */
export async function runServer(user, command) {
  const server = user.start(...command, 'server.mjs');
  try {
    await server.says(/^listening on 7000$/m);
    const answer = await user.run(...command, 'connect.mjs');
    match(answer, /^hello\{\s+cause: ['"]ended['"],\s+error: undefined,\s+bytesUnsent: 0,?\s+\}$/m);
    await server.says(/^\S+ ended$/m);
  } finally {
    await server.stop();
  }
}

export async function runSmoke(user, command) {
  strictEqual(await user.run(...command, 'smoke/smoke.mjs'), 'smoke ok\n');
}
