/** The protocol of the probe: a plug-in that misbehaves as its peer tells it (crates/edgepoll-protocol/probe). It needs no test runner. */
import { createRequire } from 'node:module';

import type { MessageView, Protocol } from 'edgepoll';

type Make = (options?: Record<string, unknown>) => object;

/** The functions that the plug-in exports. The build puts it beside the compiled tests. */
export const plugin = createRequire(import.meta.url)('../../probe.node') as Record<
  'probe' | 'frames' | 'counted' | 'layer' | 'version' | 'shorter' | 'neither',
  Make
>;

/** A message of the probe. */
export interface Said {
  kind: number;
  continues: boolean;
  texts: (string | null)[];
}

/** What the program writes: a text, or a text with a kind. */
export type Written = string | { kind: number; text: string };

type ProbeProtocol = Protocol<Said, Written>;

/** A field as text; `null` for one without a value. */
function textOf(message: MessageView, field: number): string | null {
  return message.isNull(field) ? null : message.text(field);
}

/** The probe's protocol. `changes` replaces parts of it. */
export function probe(
  native: object = plugin.probe(),
  changes: Partial<ProbeProtocol> = {},
): ProbeProtocol {
  return {
    name: 'probe',
    native,
    decode: (message) => ({
      kind: message.kind,
      continues: message.continues,
      texts: Array.from({ length: message.fields }, (_, field) => textOf(message, field)),
    }),
    encode: (message, writer) => {
      if (typeof message === 'string') writer.text(message);
      else writer.kind(message.kind).text(message.text);
    },
    ...changes,
  };
}
