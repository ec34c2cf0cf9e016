import { existsSync, readFileSync } from 'node:fs';

/** Where an access key comes from. Only a key in a file can be changed while the service runs. */
export type KeySource =
  /** @property name the variable that names the file */
  | { readonly kind: 'file'; readonly name: string; readonly file: string }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'development' }
  /** There is no such key. */
  | { readonly kind: 'none' };

export interface KeySources {
  readonly primary: KeySource;
  readonly secondary: KeySource;
  /** Why others must not reach a service with this key, as `with the …`; undefined for a good one. */
  weaknessOf(text: string): string | undefined;
}

/** Beside the file of the primary key: where a secondary key is kept that nobody configured. */
export function besideFile(primaryFile: string): string {
  return `${primaryFile}.secondary`;
}

/** A key that `listKeys` made in an earlier run. */
export function secondaryBeside(primary: KeySource): KeySource {
  if (primary.kind !== 'file') return { kind: 'none' };
  const file = besideFile(primary.file);
  return existsSync(file) ? { kind: 'file', name: primary.name, file } : { kind: 'none' };
}

/** Without the line break that editors add. @throws what `readFileSync` throws */
export function readKeyFile(file: string): string {
  return withoutLineBreak(readFileSync(file, 'utf8'));
}

export function withoutLineBreak(text: string): string {
  return text.replace(/\r?\n$/, '');
}

/** Why the text cannot be a secret in a connection string or a header; undefined when it can. */
export function secretProblem(text: string): string | undefined {
  if (!/[;\p{Cc}]/u.test(text) && text.trim() === text && text !== '') return undefined;
  return 'must not be empty, contain ";" or control characters, or start or end with a space';
}
