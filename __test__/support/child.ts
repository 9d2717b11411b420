// Runs a script of children/ as a process of its own: for what is counted per process (descriptors, memory,
// limits, system calls). One job: its output as JSON. A child that fails fails the test, with its stderr.
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where a program lies; undefined when the machine lacks it. */
export function which(program: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** The path of a compiled child script. */
function childPath(name: string): string {
  return fileURLToPath(new URL(`children/${name}.js`, import.meta.url));
}

/** Runs `node children/NAME.js ARGS`, behind the words of `before`, and gives the JSON that it printed. */
export function runChild<T>(name: string, args: string[] = [], before: string[] = []): Promise<T> {
  const words = [...before, process.execPath, '--expose-gc', childPath(name), ...args];
  const [program = '', ...rest] = words;
  return new Promise((resolve, reject) => {
    execFile(program, rest, { timeout: 50_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout) as T);
      else reject(new Error(`${name} failed: ${error.message}\n${stderr}`));
    });
  });
}
