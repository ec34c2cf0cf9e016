/**
 * Memory for bytes that are needed only until a socket has written them is cut from slabs, as Node does with small
 * Buffers. Hot path: no allocation for each receiver. A receiver that does not read keeps one slab alive for each waiting
 * write, so slabs are not larger.
 */
const slabBytes = 32 * 1024;

/** Node's own slabs serve what is shorter. */
const leastCutBytes = 512;

let slab = Buffer.allocUnsafeSlow(slabBytes);
let usedBytes = 0;

/** Not filled. */
export function cutFromSlab(bytes: number): Buffer {
  if (bytes < leastCutBytes || bytes > slabBytes / 2) return Buffer.allocUnsafe(bytes);
  if (usedBytes + bytes > slabBytes) {
    slab = Buffer.allocUnsafeSlow(slabBytes);
    usedBytes = 0;
  }
  usedBytes += bytes;
  return slab.subarray(usedBytes - bytes, usedBytes);
}

/** For what sessions keep, joined: in memory of its own, since a piece of a slab keeps all of that alive. */
export function ownCopy(...parts: readonly Uint8Array[]): Buffer {
  const joined = Buffer.allocUnsafeSlow(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
