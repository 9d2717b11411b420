/** The errors of an addon that does not load: one sentence each, with what helps. */

type Code =
  | 'ERR_ADDON_MISMATCH'
  | 'ERR_ADDON_MISSING'
  | 'ERR_ADDON_NOT_LOADED'
  | 'ERR_ADDON_REFUSED'
  | 'ERR_UNSUPPORTED_PLATFORM';

interface AddonError extends Error {
  code: Code;
}

const ours = new WeakSet<object>();

function errorWith(code: Code, message: string, cause?: unknown): AddonError {
  const error = new Error(message, cause === undefined ? {} : { cause });
  ours.add(error);
  return Object.assign(error, { code });
}

/** The version of glibc that this process runs with; `undefined` with musl, and in runtimes without a report. */
function glibcVersion(): string | undefined {
  try {
    const { report } = process as {
      report?: NodeJS.ProcessReport & { excludeNetwork?: boolean | undefined };
    };
    if (report === undefined) return undefined;
    const { excludeNetwork } = report;
    // Else it looks up the names of open connections.
    report.excludeNetwork = true;
    const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
    // The setting is the program's: it holds for the reports that the program writes.
    report.excludeNetwork = excludeNetwork;
    return header.glibcVersionRuntime;
  } catch {
    return undefined;
  }
}

/** The coded error for what the runtime or the dynamic linker has thrown. `what` names the addon, as the subject of a sentence. */
function explain(error: unknown, what: string): unknown {
  if (ours.has(error as object)) return error;
  const { code, name, message } = error as NodeJS.ErrnoException;
  const deno = /NotCapable|PermissionDenied/.test(name) && /--allow-[\w-]+/.exec(message)?.[0];
  if (deno)
    return errorWith('ERR_ADDON_REFUSED', `Deno refuses ${what}: run it with ${deno} too`, error);
  if (code === 'ENOENT') return errorWith('ERR_ADDON_MISSING', `${what} does not exist`, error);
  if (code === 'ERR_DLOPEN_DISABLED' || code === 'ERR_ACCESS_DENIED') {
    return errorWith('ERR_ADDON_REFUSED', `Node.js refuses ${what}: ${remedy(code)}`, error);
  }
  return errorWith('ERR_ADDON_NOT_LOADED', `${what} does not load: ${reason(message)}`, error);
}

function remedy(code: string): string {
  if (code === 'ERR_ACCESS_DENIED') return '--allow-fs-read must include the folder of the addon';
  // Node.js has it with --permission alone.
  return (process as { permission?: unknown }).permission === undefined
    ? 'run it without --no-addons, which may be in NODE_OPTIONS too'
    : '--permission needs --allow-addons beside it';
}

function reason(text: string): string {
  const needed = /GLIBC_([\d.]+)' not found/.exec(text)?.[1];
  if (needed !== undefined) {
    const have = glibcVersion() ?? 'another version';
    return `it needs glibc ${needed}, and this system has ${have}; use a newer system`;
  }
  if (text.includes('failed to map segment'))
    return `${text}; is its file system mounted with noexec?`;
  return text;
}

const all: {
  errorWith: typeof errorWith;
  explain: typeof explain;
  glibcVersion: typeof glibcVersion;
} = { errorWith, explain, glibcVersion };
export = all;
