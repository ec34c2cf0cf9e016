import { stringify } from 'yaml';
import type { Draft } from './draft.js';

/** A secret of the block. */
export interface Secret {
  /** Of the environment variable that stands for it, as `APP_42_SECRET`. */
  readonly name: string;
  /** In the block: `apps[0].secret`. */
  readonly place: string;
  readonly value: string;
}

export interface Block {
  /** The part of a hubs.yaml. */
  readonly text: string;
  readonly secrets: readonly Secret[];
}

const withSecrets = '# Contains secrets: keep others from reading this file, or import again with --env.\n';

/** Writes a draft as YAML. @param asVariables secrets are written as `${NAME}`, otherwise as they are */
export function blockOf({ apps, webhooks, queue }: Draft, asVariables: boolean): Block {
  const writer = new Writer(asVariables);
  const tree = writer.write(pruned({ apps, webhooks, queue }), [], '') as object;
  const comment = asVariables || writer.secrets.length === 0 ? '' : withSecrets;
  return { text: comment + stringify(tree, { lineWidth: 0 }), secrets: writer.secrets };
}

function pruned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pruned);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries.map(([key, inner]) => [key, pruned(inner)]));
}

/** Replaces secrets, and keeps `${` of other texts from standing for a variable. */
class Writer {
  readonly secrets: Secret[] = [];
  readonly #names = new Set<string>();

  constructor(private readonly asVariables: boolean) {}

  /** @param names of the variable of a secret: what it belongs to */
  write(value: unknown, names: readonly string[], place: string): unknown {
    if (Array.isArray(value)) {
      return value.map((item, index) => this.write(item, [...names, nameOf(item, index)], `${place}[${index}]`));
    }
    if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value).map(([key, inner]) => [
        key,
        this.write(inner, [...names, key], place === '' ? key : `${place}.${key}`),
      ]);
      return Object.fromEntries(entries);
    }
    if (typeof value !== 'string') return value;
    if (!isSecret(names, value)) return escaped(value);
    const secret = { name: this.#unused(names), place, value };
    this.secrets.push(secret);
    return this.asVariables ? `\${${secret.name}}` : escaped(value);
  }

  #unused(names: readonly string[]): string {
    const [section = '', ...rest] = names;
    const made = [section.replace(/s$/, ''), ...rest.filter(name => name !== 'headers')]
      .join('_')
      .replace(/\W+/g, '_')
      .toUpperCase();
    let name = made;
    for (let count = 2; this.#names.has(name); count += 1) name = `${made}_${count}`;
    this.#names.add(name);
    return name;
  }
}

/** An app is called by its id, other items by their place, from 1. */
function nameOf(item: unknown, index: number): string {
  const { id } = (item ?? {}) as { id?: unknown };
  return typeof id === 'string' ? id : String(index + 1);
}

function escaped(text: string): string {
  return text.replaceAll('${', () => '$${');
}

/** A secret of an app, a header that authorises, a URL with a password or a query. */
function isSecret(names: readonly string[], value: string): boolean {
  const name = names.at(-1) ?? '';
  if (name === 'secret') return true;
  if (names.at(-2) === 'headers') return /auth|cookie|key|pass|secret|signature|token/i.test(name);
  return (name === 'url' || names.at(-2) === 'nodes') && (value.includes('?') || /^[a-z]+:\/\/[^/]*@/i.test(value));
}
