/**
 * The only module that imports the generated loader. Nothing that it exports may appear in the public API.
 */
import { setImmediate } from 'node:timers';

import { layout, useImmediate } from '../../native/binding.js';
import * as ourLayout from './layout.js';
import { requireSameLayout } from './same-layout.js';

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
export type {
  Address as NativeAddress,
  ConnectionSettings,
  Opened,
  PollerCounters,
} from '../../native/binding.js';

// An addon from before this function was added does not export it.
const theirs = typeof layout === 'function' ? layout() : [];
requireSameLayout(ourLayout, new Map(theirs));

// Not the global function: a program that replaces it, for example by fake timers in a test, must not stop our events.
useImmediate(setImmediate);
