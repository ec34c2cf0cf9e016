import { randomFillSync } from 'node:crypto';

/** Random numbers for the next ids, drawn many at a time: hot path. */
const drawn = new Uint32Array(512);
let used = drawn.length;

/** Two numbers of 32 random bits each: the form that SDKs check. [PW §3.1] */
export function newSocketId(): string {
  if (used === drawn.length) {
    randomFillSync(drawn);
    used = 0;
  }
  used += 2;
  return `${drawn[used - 2]}.${drawn[used - 1]}`;
}
