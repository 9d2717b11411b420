/**
 * Received bytes: a `Buffer`, of the type that `Buffer.alloc()` returns. In versions of @types/node whose `Buffer` is generic, it
 * is `Buffer<ArrayBuffer>`. Functions that refuse shared memory accept that type (`crypto.subtle`, `new Response()`).
 */
export type Chunk = ReturnType<BufferConstructor['alloc']>;

/** What a connection without a protocol writes: bytes, or a string, which is sent as UTF-8. */
export type Payload = Uint8Array | string;
