import { isGroupName } from '../protocols/names.js';
import { compilePattern, type GroupPattern } from './patterns.js';
import type { Permission } from './ports.js';

/** Per permission and connection. [client-protocols 2.2, 8.1; rest-api 2.5] */
const maxLiterals = 1000;
const maxPatterns = 10;

export interface IgnoredRole {
  readonly role: string;
  readonly reason: string;
}

/** What one connection may do: roles from its token or `connect` reply, then grants and revocations. [client-protocols 2.2] */
export class Permissions {
  /** Roles that look like ours but cannot be used. They never refuse a connection. */
  readonly ignored: readonly IgnoredRole[];
  readonly #rules: Readonly<Record<Permission, Rules>> = { joinLeaveGroup: new Rules(), sendToGroup: new Rules() };

  constructor(roles: readonly string[]) {
    this.ignored = roles.flatMap(role => {
      const reason = this.#add(role);
      return reason === undefined ? [] : [{ role, reason }];
    });
  }

  allows(permission: Permission, group: string): boolean {
    return this.#rules[permission].allows(group);
  }

  /** Idempotent. False when the limit of literal overrides is reached; nothing changes then. */
  grant(permission: Permission, group: string): boolean {
    return this.#rules[permission].grant(group);
  }

  /** Wins over roles until granted again; membership stays. False when the limit is reached. */
  revoke(permission: Permission, group: string): boolean {
    return this.#rules[permission].revoke(group);
  }

  /** Why the role was not used; undefined when it was, or when it is none of ours (such roles are allowed and common). */
  #add(role: string): string | undefined {
    for (const permission of ['joinLeaveGroup', 'sendToGroup'] as const) {
      const prefix = `webpubsub.${permission}`;
      const rules = this.#rules[permission];
      if (role === prefix) return rules.allowAll();
      if (role.startsWith(`${prefix}.`)) return rules.addLiteral(role.slice(prefix.length + 1));
      if (role.startsWith(`${prefix}s.`)) return rules.addPattern(role.slice(prefix.length + 2));
    }
    return undefined;
  }
}

class Rules {
  #isAllAllowed = false;
  /** Group → allowed or denied; these decide before patterns do. */
  readonly #literals = new Map<string, boolean>();
  readonly #patterns: GroupPattern[] = [];

  allows(group: string): boolean {
    return this.#literals.get(group) ?? this.#allowsByRole(group);
  }

  allowAll(): undefined {
    this.#isAllAllowed = true;
  }

  addLiteral(group: string): string | undefined {
    if (!isGroupName(group)) return 'not a valid group name';
    return this.#set(group, true) ? undefined : `more than ${maxLiterals} groups`;
  }

  addPattern(text: string): string | undefined {
    if (this.#patterns.length >= maxPatterns) return `more than ${maxPatterns} patterns`;
    const pattern = compilePattern(text);
    if (pattern === undefined) return 'not a valid pattern';
    this.#patterns.push(pattern);
    return undefined;
  }

  grant(group: string): boolean {
    if (this.#literals.get(group) === false) this.#literals.delete(group);
    return this.allows(group) || this.#set(group, true);
  }

  revoke(group: string): boolean {
    if (this.#literals.get(group) === true) this.#literals.delete(group);
    return !this.allows(group) || this.#set(group, false);
  }

  #set(group: string, isAllowed: boolean): boolean {
    if (this.#literals.size >= maxLiterals && !this.#literals.has(group)) return false;
    this.#literals.set(group, isAllowed);
    return true;
  }

  #allowsByRole(group: string): boolean {
    return this.#isAllAllowed || this.#patterns.some(matches => matches(group));
  }
}
