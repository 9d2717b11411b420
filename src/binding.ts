/**
 * The one place that imports the generated loader. Types of the native side stay behind this file:
 * nothing that it exports may appear in the public API.
 */
export {
  PollerBinding,
  ReactorBinding,
  callName,
  descriptorLimit,
  errorName,
  errorText,
  fd,
  isOpen,
} from '../native/binding.js';
export type { Address as NativeAddress, ConnectionSettings, Opened } from '../native/binding.js';
