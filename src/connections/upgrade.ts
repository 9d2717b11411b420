/** Gives a connection another protocol or framing: what `connection.upgrade()` does. */
import { EdgepollError } from '../internal/errors.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import type { ConnectionConfig, ConnectionOptions } from './connection-options.js';
import { maxFrameOf, stagedWith } from './connection-options.js';
import { framingOf } from './framing.js';
import type { Owner } from './owner.js';
import { encodingOf } from './plugin.js';
import { protocolOf } from './protocol-check.js';

/** What `connection.upgrade()` takes for a framing. */
export type UpgradeOptions = Pick<ConnectionOptions, 'framing' | 'maxFrame'>;

const UPGRADE_OPTIONS: OptionNames<UpgradeOptions> = { framing: true, maxFrame: true };

/** Gives the connection a protocol, or the framing in options. Returns the connection's owner from now on. */
export function upgrade(owner: Owner, slot: number, generation: number, to: unknown): Owner {
  const { native, staging } = owner;
  const config = configFor(owner.config, to);
  const { protocol } = config;
  if (staging.holds) {
    const message =
      'decode() must not call upgrade(): messages behind this one are decoded already';
    throw new EdgepollError('ERR_PROTOCOL_FAULT', message);
  }
  if (!native.upgrade(slot, generation, config.settings))
    throw new EdgepollError('ERR_CLOSED', 'the connection is closed, or its input is dropped');
  return {
    ...owner,
    config,
    protocol,
    ...encodingOf(protocol),
    // The consumer of a server takes the events of all its connections, and leaves them together.
    get sink() {
      return owner.sink;
    },
  };
}

function configFor(config: ConnectionConfig, to: unknown): ConnectionConfig {
  const { protocol: _before, ...settings } = config.settings;
  if (typeof to === 'object' && to !== null && 'native' in to) {
    const protocol = protocolOf('protocol', to);
    const framing = framingOf('bytes');
    return {
      ...config,
      protocol,
      ...stagedWith(framing, settings.maxFrame),
      settings: { ...settings, framing, protocol: protocol.native },
    };
  }
  optionsObject('options', to ?? null, UPGRADE_OPTIONS);
  const options = to as UpgradeOptions;
  const framing = framingOf(options.framing);
  const maxFrame = maxFrameOf(options.maxFrame);
  return {
    ...config,
    protocol: undefined,
    ...stagedWith(framing, maxFrame),
    settings: { ...settings, framing, maxFrame },
  };
}
