import type { Code } from './codes.js';

export type Level = 'ok' | 'warning' | 'error';

/** What a finding is about; left out where it is about the service as a whole. */
export interface Place {
  /** As spelled in hubs.yaml. */
  readonly hub?: string | undefined;
  /** With secrets masked. */
  readonly url?: string | undefined;
  /** Of hubs.yaml, from 1. */
  readonly line?: number | undefined;
}

/** Something that was seen. Its texts contain no secret. */
export interface Finding extends Place {
  readonly code: Code;
  readonly level: Level;
  readonly seen: string;
  /** What to do, one step each; none when all is well. */
  readonly advice: readonly string[];
}

export function ok(code: Code, place: Place, seen: string): Finding {
  return { ...place, code, level: 'ok', seen, advice: [] };
}

export function warning(code: Code, place: Place, seen: string, advice: readonly string[]): Finding {
  return { ...place, code, level: 'warning', seen, advice };
}

export function error(code: Code, place: Place, seen: string, advice: readonly string[]): Finding {
  return { ...place, code, level: 'error', seen, advice };
}

/** Sentences that some other part of the program joined by `; `: what, then what to do. */
export function halves(text: string): { readonly seen: string; readonly advice: readonly string[] } {
  const at = text.indexOf('; ');
  return at < 0 ? { seen: text, advice: [] } : { seen: text.slice(0, at), advice: [text.slice(at + 2)] };
}
