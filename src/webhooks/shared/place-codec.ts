import type { Maker, PlaceState } from './place-state.js';

/** A place as it is found in the store. */
export interface KeptPlace {
  readonly key: string;
  readonly track: string;
  readonly state: PlaceState;
}

const version = 1;

/** JSON: `{v, key, track, …state}`. */
export function encodePlace({ key, track, state }: KeptPlace): Buffer {
  return Buffer.from(JSON.stringify({ v: version, key, track, ...state }), 'utf8');
}

/** Undefined when it was not written by `encodePlace` of this version. */
export function decodePlace(value: Buffer): KeptPlace | undefined {
  const read = parse(value);
  if (read?.v !== version) return undefined;
  const { v: _version, key, track, ...state } = read;
  const isWhole = typeof key === 'string' && typeof track === 'string' && isState(state);
  return isWhole ? { key, track, state } : undefined;
}

function parse(value: Buffer): Record<string, unknown> | undefined {
  try {
    const read: unknown = JSON.parse(value.toString('utf8'));
    return isObject(read) ? read : undefined;
  } catch {
    return undefined;
  }
}

function isState(read: Record<string, unknown>): read is Record<string, unknown> & PlaceState {
  const { holders, departure, linger, untold, miss } = read;
  return (
    Array.isArray(holders) &&
    holders.every(tag => typeof tag === 'string') &&
    isObject(departure) &&
    isNumber(departure.lingerMs) &&
    typeof departure.source === 'string' &&
    isObject(departure.gone) &&
    (linger === undefined || (isMade(linger) && isNumber(linger.untilMs))) &&
    (miss === undefined || (isMade(miss) && isNumber(miss.untilMs))) &&
    (untold === undefined || (isMade(untold) && isObject(untold.event)))
  );
}

function isMade(read: unknown): read is Record<string, unknown> & Maker {
  return isObject(read) && typeof read.by === 'string' && isNumber(read.id);
}

function isNumber(read: unknown): read is number {
  return Number.isFinite(read);
}

function isObject(read: unknown): read is Record<string, unknown> {
  return typeof read === 'object' && read !== null && !Array.isArray(read);
}
