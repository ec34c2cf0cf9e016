import { claimerMoves } from './claimers.js';
import { ownerMoves } from './owner.js';
import { claimerTags, firstWorld, type Move, strayMoves, type Variant, type World } from './world.js';

export interface Exploration {
  readonly states: number;
  /** What went wrong, with the steps that lead there; undefined: nothing. */
  readonly fault: { readonly what: string; readonly steps: readonly string[] } | undefined;
}

interface Node {
  readonly world: World;
  readonly from: Node | undefined;
  readonly name: string;
}

/**
 * Every run of one owner, two claimers and a store: who is when slow, what answers are lost, what arrives late, and who
 * claims too early. One that is paused or dead is one that does nothing more: each run contains those that end earlier.
 * The machines are those of the program; made up are the store, the upstream and the clients. [cluster 6.3]
 */
export function explore(variant: Variant): Exploration {
  const seen = new Set<string>();
  const open: Node[] = [{ world: firstWorld(variant), from: undefined, name: 'start' }];
  for (const node of open) {
    const what = faultOf(node.world);
    if (what !== undefined) return { states: seen.size, fault: { what, steps: stepsTo(node) } };
    for (const { name, world } of movesOf(node.world, variant)) {
      const id = idOf(world);
      if (seen.has(id)) continue;
      seen.add(id);
      open.push({ world, from: node, name });
    }
  }
  return { states: seen.size, fault: undefined };
}

/** Parts are shared by many worlds. */
const texts = new WeakMap<object, string>();

function textOf(part: object): string {
  const known = texts.get(part);
  if (known !== undefined) return known;
  const text = JSON.stringify(part);
  texts.set(part, text);
  return text;
}

function idOf({ owner, claimers, log, key, ...rest }: World): string {
  return [owner, ...claimers, ...log].map(textOf).join() + JSON.stringify([key, rest]);
}

function movesOf(world: World, variant: Variant): Move[] {
  const claimers = claimerTags.flatMap((_, at) => claimerMoves(world, at, variant));
  return [...ownerMoves(world, variant), ...claimers, ...strayMoves(world, variant)];
}

function stepsTo(node: Node): string[] {
  return node.from === undefined ? [] : [...stepsTo(node.from), node.name];
}

/** Who has posted `connected`, or may still do so, is told of in the end; and in one way only. */
function faultOf({ posts, key, owner }: World): string | undefined {
  for (const [at, life] of owner.lives.entries()) {
    const ends = posts.filter(text => text.startsWith(`disconnected c${at} `));
    if (ends.length > 1) return `two different disconnected: ${ends.join(', ')}`;
    const isOpen = life !== 'none' && life !== 'opening';
    if (key === undefined && isOpen && ends.length === 0) return `connected c${at} that nobody ends`;
  }
  return undefined;
}
