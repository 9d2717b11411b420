// Compiles users' programs against the published types with every combination of compiler, module resolution, library and
// @types/node that the package supports. An error in the package's declarations or in a program fails; one in
// the declarations of another package does not. `node scripts/types-matrix.mjs COMPILER` does one compiler.

import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { protocols } from './lib/addons.mjs';
import { docPrograms } from './lib/doc-programs.mjs';
import { inProject } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { readArguments, refuseArguments } from './lib/usage.mjs';

const compilers = ['5.6', '5.9', '6', '7'];
const nodeTypes = ['18', '20', '22', '24'];
/** The package of a compiler, except TypeScript 7: that has no programming interface, so its command is run. */
const compilerPackage = (version) => `typescript-${version}`;
const nodeTypesPackage = (version) => (version === '20' ? '@types/node' : `types-node-${version}`);
const resolutions = { bundler: 'esnext', node16: 'node16', nodenext: 'nodenext' };
const libraries = { 'no DOM': ['es2022'], DOM: ['es2022', 'dom', 'dom.iterable'] };

const stage = inProject('build/types-matrix');
const projectOf = (version) => `${stage}/node-${version}`;
const usage = `node scripts/types-matrix.mjs [${compilers.join('|')}]`;
const [only] = readArguments(usage, { most: 1 }).positionals;
if (only !== undefined && !compilers.includes(only))
  refuseArguments(`there is no compiler '${only}'. usage: ${usage}`);
if (only === undefined) await everything();
else if (only === '7') await byProcess();
else await inThisProcess(only);

/** Runs each compiler in a process of its own, as many at once as there are processors. */
async function everything() {
  rmSync(stage, { recursive: true, force: true });
  for (const version of nodeTypes) makeProject(version);
  const waiting = [...compilers];
  let failed = false;
  const work = async () => {
    for (let version = waiting.shift(); version !== undefined; version = waiting.shift()) {
      const script = inProject('scripts/types-matrix.mjs');
      const begun = performance.now();
      const { code, text } = await run(process.execPath, [script, version], { output: 'keep' });
      const seconds = ((performance.now() - begun) / 1000).toFixed(1);
      console.log(`${text}types-matrix: TypeScript ${version} in ${seconds} s`);
      failed ||= code !== 0;
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work));
  if (failed) process.exit(1);
}

/** Makes a user's project: the package as it is published, one version of @types/node, and programs. */
function makeProject(version) {
  const project = projectOf(version);
  const types = `${project}/node_modules/@types/node`;
  const published = `${project}/node_modules/edgepoll`;
  mkdirSync(published, { recursive: true });
  mkdirSync(dirname(types), { recursive: true });
  symlinkSync(inProject(`node_modules/${nodeTypesPackage(version)}`), types);
  for (const file of ['package.json', 'index.d.ts', 'fd.d.ts', 'epoll.d.ts']) {
    cpSync(inProject(file), `${published}/${file}`);
  }
  for (const name of protocols) {
    const place = `${project}/node_modules/edgepoll-${name}`;
    cpSync(inProject(`protocols/${name}/package.json`), `${place}/package.json`);
    cpSync(inProject(`protocols/${name}/dist`), `${place}/dist`, { recursive: true });
  }
  writeFileSync(`${project}/package.json`, '{ "type": "module" }');
  cpSync(inProject('__test__/types/consumer.ts'), `${project}/consumer.ts`);
  for (const { file, text } of docPrograms()) {
    if (file.endsWith('.ts')) writeFileSync(`${project}/${file}`, text);
  }
}

/** Every combination for one compiler. */
function* combinations() {
  for (const [resolution, module] of Object.entries(resolutions)) {
    for (const version of nodeTypes) {
      for (const [library, lib] of Object.entries(libraries)) {
        const name = `${resolution}, ${library}, @types/node ${version}`;
        const compilerOptions = {
          noEmit: true,
          strict: true,
          exactOptionalPropertyTypes: true,
          skipLibCheck: false,
          target: 'es2022',
          lib,
          module,
          moduleResolution: resolution,
          types: ['node'],
        };
        yield { name, project: projectOf(version), compilerOptions };
      }
    }
  }
}

function report(version, name, errors) {
  for (const error of errors) console.log(`TypeScript ${version}, ${name}: ${error}`);
  if (errors.length > 0) process.exitCode = 1;
}

/** Compiles by the compiler's programming interface, so that files that combinations share are parsed once. */
async function inThisProcess(version) {
  const ts = createRequire(inProject('package.json'))(compilerPackage(version));
  const parsed = new Map();
  for (const { name, project, compilerOptions } of combinations()) {
    const json = { compilerOptions, include: ['*.ts'] };
    const {
      options,
      fileNames,
      errors: refused,
    } = ts.parseJsonConfigFileContent(json, ts.sys, project);
    const host = ts.createCompilerHost(options);
    host.getCurrentDirectory = () => project;
    const parse = host.getSourceFile;
    host.getSourceFile = (file, settings, ...rest) => {
      const key = `${file} ${compilerOptions.module} ${JSON.stringify(settings.impliedNodeFormat)}`;
      if (!parsed.has(key)) parsed.set(key, parse.call(host, file, settings, ...rest));
      return parsed.get(key);
    };
    const program = ts.createProgram(fileNames, options, host);
    const ours = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(stage));
    if (ours.length < fileNames.length + 2) throw new Error(`${name}: the types were not found`);
    const found = [
      ...refused,
      ...program.getOptionsDiagnostics(),
      ...program.getGlobalDiagnostics(),
      ...ours.flatMap((file) => program.getSyntacticDiagnostics(file)),
      ...ours.flatMap((file) => program.getSemanticDiagnostics(file)),
    ];
    const errors = found.map((one) => shown(ts, one));
    report(version, name, errors);
  }
}

function shown(ts, { file, start, code, messageText }) {
  const text = ts.flattenDiagnosticMessageText(messageText, '\n');
  if (file === undefined) return `TS${code}: ${text}`;
  const { line } = file.getLineAndCharacterOfPosition(start);
  return `${file.fileName.slice(stage.length + 1)}:${line + 1}: TS${code}: ${text}`;
}

/** Compiles by the compiler's command. */
async function byProcess() {
  const compiler = inProject('node_modules/typescript/bin/tsc');
  for (const [index, { name, project, compilerOptions }] of [...combinations()].entries()) {
    const config = `${project}/tsconfig.${index}.json`;
    writeFileSync(config, JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    const args = [compiler, '-p', config, '--pretty', 'false', '--listFiles'];
    const { text } = await run(process.execPath, args, { cwd: project, output: 'keep' });
    const lines = text.split('\n');
    if (!lines.some((line) => line === `${project}/node_modules/edgepoll/index.d.ts`)) {
      throw new Error(`${name}: the types were not found\n${text}`);
    }
    // The compiler shows paths below the project as they are, and others with ../..
    const errors = lines.filter((line) => /(^|: )error TS\d+/.test(line) && !line.startsWith('..'));
    report('7', name, errors);
  }
}
