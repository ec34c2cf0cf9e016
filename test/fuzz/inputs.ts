const maxInputBytes = 4096;
/** Results kept to make others from; beyond that a new one replaces an older one. */
const maxKept = 256;
const maxMutations = 6;

/** Bytes that parsers treat in their own way. */
const telling = Buffer.from('\0\t\n "\'\\(){}[],:;/-+.@$09azAZ_\x7f\x80\xbf\xc3\xe2\xf0\xff', 'latin1');

/** A whole number from 0, below the bound; 0 when the bound is. */
export type Random = (bound: number) => number;

/** An endless, repeatable row of inputs: random bytes, and mutations of a corpus and of what came out of it before. */
export class Inputs {
  readonly #random: Random;
  readonly #corpus: readonly Buffer[];
  readonly #kept: Buffer[] = [];

  constructor(corpus: readonly Buffer[], seed: number, name: string) {
    this.#random = seeded(seed, name);
    this.#corpus = corpus.length > 0 ? corpus : [Buffer.alloc(0)];
  }

  next(): Buffer {
    if (this.#random(32) === 0) return randomBytes(this.#random, this.#random(64));
    const input = this.#mutate(this.#pick());
    if (this.#random(32) === 0) this.#keep(input);
    return input;
  }

  /** Mostly of the corpus: what was mutated many times is seldom more than noise. */
  #pick(): Buffer {
    const from = this.#kept.length > 0 && this.#random(8) === 0 ? this.#kept : this.#corpus;
    return from[this.#random(from.length)] as Buffer;
  }

  #keep(input: Buffer): void {
    if (this.#kept.length < maxKept) this.#kept.push(input);
    else this.#kept[this.#random(maxKept)] = input;
  }

  /** Half of all inputs are one step from what they come from. */
  #mutate(input: Buffer): Buffer {
    const steps = this.#random(2) === 0 ? 1 : 1 + this.#random(maxMutations);
    for (let step = 0; step < steps; step += 1) {
      const mutation = mutations[this.#random(mutations.length)] as Mutation;
      input = mutation(input, this.#random, this.#pick()).subarray(0, maxInputBytes);
    }
    return input;
  }
}

/** Never writes to the input: others are made from it. */
type Mutation = (input: Buffer, random: Random, other: Buffer) => Buffer;

const mutations: readonly Mutation[] = [
  ...[swapWord, swapWord, swapWord, swapWord, swapWord],
  flipBit,
  (input, random) => replace(input, random, 1, Buffer.of(telling[random(telling.length)] as number)),
  (input, random) => replace(input, random, 0, Buffer.of(telling[random(telling.length)] as number)),
  (input, random) => replace(input, random, 0, randomBytes(random, 1 + random(4))),
  (input, random) => replace(input, random, 1 + random(8), Buffer.alloc(0)),
  (input, random) => replace(input, random, 0, sliceOf(input, random)),
  (input, random) => replace(input, random, random(16), sliceOf(input, random)),
  (input, random, other) => replace(input, random, random(16), sliceOf(other, random)),
  (input, random) => replace(input, random, 0, repeated(sliceOf(input, random).subarray(0, 8), 1 + random(200))),
];

function flipBit(input: Buffer, random: Random): Buffer {
  const flipped = Buffer.from(input);
  const at = random(input.length + 1);
  if (at < flipped.length) flipped[at] = (flipped[at] as number) ^ (1 << random(8));
  return flipped;
}

/** Puts a word or quoted text of the other input in place of one of this: what is made still has the form of a text. */
function swapWord(input: Buffer, random: Random, other: Buffer): Buffer {
  const parts = wordsOf(input);
  const others = wordsOf(other);
  const at = 2 * random(Math.floor(parts.length / 2)) + 1;
  if (at < parts.length) parts[at] = others[2 * random(Math.floor(others.length / 2)) + 1] ?? '';
  return Buffer.from(parts.join(''), 'latin1');
}

/** The words are at odd places. */
function wordsOf(input: Buffer): string[] {
  return input.toString('latin1').split(/('[^']*'|"[^"]*"|-?\w+)/);
}

/** Puts `piece` somewhere, in place of `length` bytes. */
function replace(input: Buffer, random: Random, length: number, piece: Buffer): Buffer {
  const at = random(input.length + 1);
  return Buffer.concat([input.subarray(0, at), piece, input.subarray(at + length)]);
}

function sliceOf(input: Buffer, random: Random): Buffer {
  const start = random(input.length + 1);
  return input.subarray(start, start + 1 + random(32));
}

function repeated(piece: Buffer, times: number): Buffer {
  return Buffer.concat(Array.from({ length: times }, () => piece));
}

function randomBytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random(256)));
}

/** Each name has its own row, whatever runs before it. SplitMix32: fast, and even enough to pick mutations with. */
export function seeded(seed: number, name: string): Random {
  let state = seed;
  for (const byte of Buffer.from(name)) state = (Math.imul(state, 31) + byte) | 0;
  return bound => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % Math.max(bound, 1);
  };
}
