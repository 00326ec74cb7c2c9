/** A copy for as long as a session lives: a small Buffer would keep the whole slab of 8 KiB that Node cut it from. */
export function ownBytes(bytes: Uint8Array): Buffer {
  const own = Buffer.alloc(bytes.length);
  own.set(bytes);
  return own;
}
