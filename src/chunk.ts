/** The type of received bytes. It must never hold behaviour. */

/**
 * Received bytes: a `Buffer`. With versions of @types/node whose `Buffer` is generic it is a `Buffer<ArrayBuffer>`, so that it
 * goes where shared memory is refused (`crypto.subtle`, `new Response()`); the type is that of `Buffer.alloc()`.
 */
export type Chunk = ReturnType<BufferConstructor['alloc']>;
