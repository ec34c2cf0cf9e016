import { createHash } from 'node:crypto';
import type { Target } from '../../hub/commands.js';

/** Characters of a tag: what a connection id of the node begins with. [cluster 3.1] */
export const tagLength = 6;

/** A tag and 25 random characters. [cluster 3.1] */
export const connectionIdLength = tagLength + 25;

const plain = /^[A-Za-z0-9_-]{1,200}$/;
const halfPair = /\p{Surrogate}/u;
const maxTokenLength = 200;

/**
 * A name as one token of a subject: different names give different tokens. Byte by byte of its UTF-8 `A–Z a–z 0–9 _ -` stay
 * and any other is `=HH`; a token that were longer than 200 is `~` and a SHA-256. Half of a surrogate pair, which UTF-8
 * does not have, counts as three bytes. [cluster 3.2]
 */
export function tokenOf(name: string): string {
  if (plain.test(name)) return name;
  if (name === '') return '=';
  const bytes = halfPair.test(name) ? bytesWithHalves(name) : Buffer.from(name, 'utf8');
  if (bytes.length > maxTokenLength) return hashOf(bytes);
  let token = '';
  for (const byte of bytes) token += tokens[byte];
  return token.length > maxTokenLength ? hashOf(bytes) : token;
}

function hashOf(bytes: Buffer): string {
  return `~${createHash('sha256').update(bytes).digest('base64url')}`;
}

const tokens: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return /[A-Za-z0-9_-]/.test(character) ? character : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});

function bytesWithHalves(name: string): Buffer {
  const parts = Array.from(name, character => {
    const code = character.charCodeAt(0);
    if (character.length > 1 || !halfPair.test(character)) return Buffer.from(character, 'utf8');
    return Buffer.of(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
  });
  return Buffer.concat(parts);
}

/** Subjects of one cluster, as one of its nodes uses them. [cluster 3.2] */
export class Subjects {
  /** For all nodes: who is there. */
  readonly all: string;
  /** What is sent to this node itself. */
  readonly own: string;
  /** Each connection that has an id of this node. */
  readonly ownConnections: string;
  readonly #root: string;
  readonly #tag: string;

  /** @param root `<cluster name>.1` @param tag of this node */
  constructor(root: string, tag: string) {
    this.#root = root;
    this.#tag = tag;
    this.all = `${root}.all`;
    this.own = `${root}.n.${tag}.*`;
    this.ownConnections = `${root}.c.${tag}.>`;
  }

  /** Is it one that the node listens to whatever its clients are? */
  isNodes(subject: string): boolean {
    return subject === this.all || subject === this.own || subject === this.ownConnections;
  }

  /** Is it one by which nodes know of each other? */
  isBetweenNodes(subject: string): boolean {
    return subject === this.all || subject.startsWith(`${this.#root}.n.`);
  }

  of(target: Target): string {
    const hub = tokenOf(target.hub);
    switch (target.scope) {
      case 'hub':
        return `${this.#root}.h.${hub}`;
      case 'group':
        return `${this.#root}.g.${hub}.${tokenOf(target.group)}`;
      case 'user':
        return `${this.#root}.u.${hub}.${tokenOf(target.userId)}`;
      case 'connection':
        return `${this.#root}.c.${birthTagOf(target)}.${hub}.${tokenOf(target.connectionId)}`;
    }
  }

  /** Received without a subscription of its own: the connection has an id of this node. */
  isOwn(target: Target): boolean {
    return birthTagOf(target) === this.#tag;
  }

  /** @param token `b`: barriers · `a`: answers */
  ofNode(tag: string, token: string): string {
    return `${this.#root}.n.${tag}.${token}`;
  }

  /** The last token of a subject. */
  static lastOf(subject: string): string {
    return subject.slice(subject.lastIndexOf('.') + 1);
  }
}

/** Tag of the node that gave a connection its id; `-` when no node did, or for another target. */
export function birthTagOf(target: Target): string {
  if (target.scope !== 'connection') return '-';
  const { connectionId: id } = target;
  return id.length === connectionIdLength && plain.test(id) ? id.slice(0, tagLength) : '-';
}
