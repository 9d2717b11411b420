// Electron keeps JavaScript's buffers in a cage: an addon cannot make one of memory of its own, and Node-API answers
// napi_no_external_buffers_allowed. Electron's binary is not on npm, so Node.js stands in for it, with a copy of the addon that
// calls a library of ours for these functions.

import assert from 'node:assert';
import { readFileSync, writeFileSync } from 'node:fs';
import { NotRun } from '../../scripts/lib/cases.mjs';
import { addonFile } from './project.mjs';

const functions = ['napi_create_external_arraybuffer', 'napi_create_external_buffer'];
const renamed = (name) => name.replace('napi_', 'none_');
/** Answers each call with the status that Electron gives (js_native_api_types.h). */
const library = `
#include <unistd.h>
enum { napi_no_external_buffers_allowed = 22 };
static int refuse(void) {
  return write(2, "refused\\n", 8) == 8 ? napi_no_external_buffers_allowed : -1;
}
${functions.map((name) => `int ${renamed(name)}(void) { return refuse(); }`).join('\n')}
`;

export const electron = {
  'no-external-buffers': async (t) => {
    if ((await t.run(['cc', '--version'])).code !== 0) throw new NotRun('there is no cc');
    const refusing = t.path(t.write('refuse.so', ''));
    await t.must(['cc', '-shared', '-fPIC', '-o', refusing, t.write('refuse.c', library)]);

    let bytes = readFileSync(t.installed(addonFile), 'latin1');
    for (const name of functions) {
      assert.ok(bytes.includes(name), `the addon does not contain the name ${name}`);
      bytes = bytes.replaceAll(name, renamed(name));
    }
    const addon = t.path(t.write('edgepoll.node', ''));
    writeFileSync(addon, bytes, 'latin1');

    const env = { EDGEPOLL_ADDON: addon, LD_PRELOAD: refusing };
    const { code, text } = await t.run(['node', 'smoke/smoke.mjs'], env);
    assert.strictEqual(code, 0, text);
    assert.match(text, /^smoke ok$/m);
    // For a socket option as bytes, and for none of what connections receive.
    assert.strictEqual(text.match(/^refused$/gm)?.length, 1);
  },
};
