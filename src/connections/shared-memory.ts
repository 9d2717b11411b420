/** The memory that JavaScript and the native side share. Its layout is described in layout.ts. */
import { CONTROL_FIELDS, RECORD_FIELDS, TABLES_SIZE, WRITE_FIELDS } from '../internal/layout.js';

/** The most records in one batch. */
export const MAX_RECORDS = 1024;
/** The most staged writes. */
export const MAX_WRITES = 1024;
/** The most bytes of staged writes. */
export const STAGE_SIZE = 65_536;

export interface SharedMemory {
  /** The records of a batch: the native side writes them, and JavaScript reads them. */
  readonly records: Int32Array<ArrayBuffer>;
  /** The messages of protocols in a turn: for each a header, and three numbers for each field. */
  readonly tables: Int32Array<ArrayBuffer>;
  /** The bytes of staged writes. */
  readonly stage: Uint8Array<ArrayBuffer>;
  /** For each staged write the connection, and where its bytes are. */
  readonly writes: Int32Array<ArrayBuffer>;
  /** Counters that both sides read and write. */
  readonly control: Int32Array<ArrayBuffer>;
}

export function allocateSharedMemory(): SharedMemory {
  return {
    records: new Int32Array(MAX_RECORDS * RECORD_FIELDS),
    tables: new Int32Array(TABLES_SIZE),
    stage: new Uint8Array(STAGE_SIZE),
    writes: new Int32Array(MAX_WRITES * WRITE_FIELDS),
    control: new Int32Array(CONTROL_FIELDS),
  };
}
