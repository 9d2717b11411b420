/** The strings of names: short texts that come again and again, such as keys and topics. JavaScript makes each string once. */
import * as layout from '../internal/layout.js';

// V8 builds a module's own constants into its optimised code. An imported constant is loaded and checked at each use.
const { NAMES } = layout;
const INDEX_MASK: number = NAMES - 1;

/**
 * The native side gives each name an id above 0, and the same bytes get the same id. The low bits of an id are an index. Another name
 * may get the index later, with another id. So it does not matter whether JavaScript reads each name, or in which order.
 */
export class Names {
  readonly #texts: string[] = [];
  /** For each index the id of the name in `#texts`; 0 before the first. */
  readonly #ids = new Int32Array(NAMES);

  /** The text of a name; `undefined` if it was not read yet. */
  known(id: number): string | undefined {
    const index = id & INDEX_MASK;
    return this.#ids[index] === id ? this.#texts[index] : undefined;
  }

  /** Keeps the text of a name. Returns it. */
  keep(id: number, text: string): string {
    const index = id & INDEX_MASK;
    const texts = this.#texts;
    // The array grows as names come: 65,536 places would take half a megabyte from the start.
    while (texts.length <= index) texts.push('');
    texts[index] = text;
    this.#ids[index] = id;
    return text;
  }
}
