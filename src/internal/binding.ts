/**
 * The addon, typed. Nothing that this module exports may appear in the public API.
 */
import { setImmediate } from 'node:timers';

import type * as native from '../../native/binding.js';
// oxlint-disable-next-line import/default -- it is what `export =` of a CommonJS module exports
import loaded from './addon.cjs';
import * as ourLayout from './layout.js';
import { requireSameLayout } from './same-layout.js';

export type {
  AdmissionSettings,
  Address as NativeAddress,
  BufferSizes,
  ConnectionSettings,
  FramingSettings,
  Opened,
  PollerCounters,
  MessageRefusal,
  ProtocolFailure,
  fd as fdTypes,
} from '../../native/binding.js';

if (loaded.error !== undefined) throw loaded.error;
const addon = loaded.addon as typeof native;

// An addon from before this function was added does not export it.
const theirs = typeof addon.layout === 'function' ? addon.layout() : [];
requireSameLayout(ourLayout, new Map(theirs));

// Not the global function: a program that replaces it, for example by fake timers in a test, must not stop our events.
addon.useImmediate(setImmediate);

export type ContextBinding = native.ContextBinding;
export type PollerBinding = native.PollerBinding;
export type ReactorBinding = native.ReactorBinding;
export const ContextBinding: typeof native.ContextBinding = addon.ContextBinding;
export const PollerBinding: typeof native.PollerBinding = addon.PollerBinding;
export const ReactorBinding: typeof native.ReactorBinding = addon.ReactorBinding;
export const callName: typeof native.callName = addon.callName;
export const descriptorLimit: typeof native.descriptorLimit = addon.descriptorLimit;
export const errorName: typeof native.errorName = addon.errorName;
export const errorText: typeof native.errorText = addon.errorText;
export const fd: typeof native.fd = addon.fd;
export const protocolInfo: typeof native.protocolInfo = addon.protocolInfo;
export const isOpen: typeof native.isOpen = addon.isOpen;
