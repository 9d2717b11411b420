// Runs a script of children/ in a process of its own, for what the kernel counts per process (descriptors, memory,
// limits, system calls). If the child fails, the test fails with the child's stderr.
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The path of a program in PATH; `undefined` if it is not installed. */
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

/** Runs `BEFORE… node children/NAME.js ARGS` and returns the JSON that it prints. */
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
