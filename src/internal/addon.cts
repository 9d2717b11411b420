/**
 * The addon, or the error that says why there is none: Node.js 20 prints an error that a CommonJS module throws while an ES module
 * imports it, even if the program catches it. So binding.ts throws it.
 *
 * This file is short because Node.js searches a CommonJS module that an ES module imports for the names of its exports, which takes
 * longer than to run it.
 */
import load = require('./load-addon.cjs');

function loaded(): { addon: unknown; error: unknown } {
  try {
    return { addon: load(), error: undefined };
  } catch (error) {
    return { addon: undefined, error };
  }
}

const result: { addon: unknown; error: unknown } = loaded();
export = result;
