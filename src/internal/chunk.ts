/** The type of received bytes. It must never hold behaviour. */

/**
 * Received bytes: a `Buffer`, of the type that `Buffer.alloc()` returns. With versions of @types/node whose `Buffer` is generic
 * that is `Buffer<ArrayBuffer>`, which functions accept that refuse shared memory (`crypto.subtle`, `new Response()`).
 */
export type Chunk = ReturnType<BufferConstructor['alloc']>;
