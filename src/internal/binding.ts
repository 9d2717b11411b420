/**
 * The one place that imports the generated loader. Types of the native side stay behind this file:
 * nothing that it exports may appear in the public API.
 */
import { setImmediate } from 'node:timers';

import { useImmediate } from '../../native/binding.js';

export {
  ContextBinding,
  PollerBinding,
  ReactorBinding,
  callName,
  descriptorLimit,
  errorName,
  errorText,
  fd,
  isOpen,
} from '../../native/binding.js';
export type { Address as NativeAddress, ConnectionSettings, Opened } from '../../native/binding.js';

// Now, and not the global one: whoever replaces that, a test's fake timers for example, must not stop our events.
useImmediate(setImmediate);
