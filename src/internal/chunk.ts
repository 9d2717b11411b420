/**
 * Received bytes: a `Buffer`, of the type that `Buffer.alloc()` returns. In versions of @types/node whose `Buffer` is generic, it
 * is `Buffer<ArrayBuffer>`. Functions that refuse shared memory accept that type (`crypto.subtle`, `new Response()`).
 */
export type Chunk = ReturnType<BufferConstructor['alloc']>;
