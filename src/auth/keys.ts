import { createSecretKey, type KeyObject } from 'node:crypto';

/** The service's access keys. Their UTF-8 text is the key, although it looks like base64. [rest-api 1.2] */
export interface AccessKeys {
  readonly primary: string;
  readonly secondary: string | undefined;
}

/** Prepared keys: one object for as long as no key changes, so that its identity tells whether one has. */
export interface KeySet {
  /** The primary key. */
  readonly signing: KeyObject;
  /** The keys that exist, primary first. */
  readonly verifying: readonly KeyObject[];
}

/**
 * The access keys in use, which may change while the service runs. Whoever signs or verifies reads `current` at each use
 * and keeps nothing that depends on it for longer than it is the same object. Hot path: a key is prepared once.
 */
export class Keys implements AccessKeys {
  #texts: AccessKeys;
  #current: KeySet;

  constructor(keys: AccessKeys) {
    this.#texts = keys;
    this.#current = prepare(keys);
  }

  /** The object itself, or one for keys that never change. */
  static of(keys: AccessKeys): Keys {
    return keys instanceof Keys ? keys : new Keys(keys);
  }

  get primary(): string {
    return this.#texts.primary;
  }

  get secondary(): string | undefined {
    return this.#texts.secondary;
  }

  get current(): KeySet {
    return this.#current;
  }

  /** From the next use on. Signatures of keys that were replaced are not valid any more. */
  change({ primary, secondary }: AccessKeys): void {
    this.#texts = { primary, secondary };
    this.#current = prepare(this.#texts);
  }
}

function prepare({ primary, secondary }: AccessKeys): KeySet {
  const signing = keyOf(primary);
  return { signing, verifying: secondary === undefined ? [signing] : [signing, keyOf(secondary)] };
}

function keyOf(text: string): KeyObject {
  return createSecretKey(Buffer.from(text, 'utf8'));
}
