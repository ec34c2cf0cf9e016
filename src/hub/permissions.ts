import { isGroupName } from '../protocols/names.js';
import { compilePattern, type GroupPattern } from '../protocols/patterns.js';
import type { Permission } from './ports.js';

/** What a connection can be allowed to do with a group; REST knows the first two only. [client-protocols 2.2, 4.9] */
export type GroupRight = Permission | StateRight;

/** Roles alone give these: the whole right, or that for one group. */
type StateRight = 'setGroupState' | 'getGroupState';

const permissions = ['joinLeaveGroup', 'sendToGroup'] as const satisfies readonly Permission[];
const stateRights = ['setGroupState', 'getGroupState'] as const satisfies readonly StateRight[];

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
  /** Most connections have none. */
  readonly #stateRules = new Map<StateRight, Rules>();

  constructor(roles: readonly string[]) {
    this.ignored = roles.flatMap(role => {
      const reason = this.#add(role);
      return reason === undefined ? [] : [{ role, reason }];
    });
  }

  allows(right: GroupRight, group: string): boolean {
    return this.#rulesOf(right)?.allows(group) ?? false;
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
    for (const permission of permissions) {
      const prefix = `webpubsub.${permission}`;
      const rules = this.#rules[permission];
      if (role === prefix) return rules.allowAll();
      if (role.startsWith(`${prefix}.`)) return rules.addLiteral(role.slice(prefix.length + 1));
      if (role.startsWith(`${prefix}s.`)) return rules.addPattern(role.slice(prefix.length + 2));
    }
    return this.#addStateRight(role);
  }

  #addStateRight(role: string): string | undefined {
    for (const right of stateRights) {
      const prefix = `webpubsub.${right}`;
      if (role === prefix) return this.#stateRulesOf(right).allowAll();
      if (role.startsWith(`${prefix}.`)) return this.#stateRulesOf(right).addLiteral(role.slice(prefix.length + 1));
    }
    return undefined;
  }

  #rulesOf(right: GroupRight): Rules | undefined {
    return right === 'setGroupState' || right === 'getGroupState' ? this.#stateRules.get(right) : this.#rules[right];
  }

  #stateRulesOf(right: StateRight): Rules {
    const rules = this.#stateRules.get(right) ?? new Rules();
    this.#stateRules.set(right, rules);
    return rules;
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
