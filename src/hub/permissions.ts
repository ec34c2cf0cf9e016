import { isGroupName } from '../protocols/names.js';
import { compilePattern, type GroupPattern } from '../protocols/patterns.js';
import type { Permission } from './ports.js';

/** What a connection can be allowed to do with a group; REST knows the first two only. [client-protocols 2.2, 4.9] */
export type GroupRight = Permission | StateRight;

/** Roles alone give these: the whole right, or that for one group. */
type StateRight = 'setGroupState' | 'getGroupState';

/** Every role of ours begins so; others are allowed and common. */
const rolePrefix = 'webpubsub.';

const permissions = (['joinLeaveGroup', 'sendToGroup'] as const satisfies readonly Permission[]).map(spelled);
const stateRights = (['setGroupState', 'getGroupState'] as const satisfies readonly StateRight[]).map(spelled);

/** A right with its spellings: roles are read at each connect. */
function spelled<Right extends GroupRight>(right: Right) {
  const whole = `${rolePrefix}${right}`;
  return { right, whole, literal: `${whole}.`, pattern: `${whole}s.` } as const;
}

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
  /** Those of rights that something was said about; undefined while nothing was. */
  #rules: Partial<Record<GroupRight, Rules>> | undefined;

  constructor(roles: readonly string[]) {
    let ignored: IgnoredRole[] | undefined;
    for (const role of roles) {
      const reason = role.startsWith(rolePrefix) ? this.#add(role) : undefined;
      if (reason === undefined) continue;
      ignored ??= [];
      ignored.push({ role, reason });
    }
    this.ignored = ignored ?? noneIgnored;
  }

  allows(right: GroupRight, group: string): boolean {
    return this.#rules?.[right]?.allows(group) ?? false;
  }

  /** Idempotent. False when the limit of literal overrides is reached; nothing changes then. */
  grant(permission: Permission, group: string): boolean {
    return this.#rulesOf(permission).grant(group);
  }

  /** Wins over roles until granted again; membership stays. False when the limit is reached. */
  revoke(permission: Permission, group: string): boolean {
    return this.#rulesOf(permission).revoke(group);
  }

  /** Why the role was not used; undefined when it was, or when it is none of ours. */
  #add(role: string): string | undefined {
    for (const { right, whole, literal, pattern } of permissions) {
      if (role === whole) return this.#rulesOf(right).allowAll();
      if (role.startsWith(literal)) return this.#rulesOf(right).addLiteral(role.slice(literal.length));
      if (role.startsWith(pattern)) return this.#rulesOf(right).addPattern(role.slice(pattern.length));
    }
    return this.#addStateRight(role);
  }

  #addStateRight(role: string): string | undefined {
    for (const { right, whole, literal } of stateRights) {
      if (role === whole) return this.#rulesOf(right).allowAll();
      if (role.startsWith(literal)) return this.#rulesOf(right).addLiteral(role.slice(literal.length));
    }
    return undefined;
  }

  #rulesOf(right: GroupRight): Rules {
    this.#rules ??= {};
    const rules = this.#rules[right] ?? new Rules();
    this.#rules[right] = rules;
    return rules;
  }
}

const noneIgnored: readonly IgnoredRole[] = [];

/** Most connections are allowed everything or nothing, so the rest is made when it is needed. */
class Rules {
  #isAllAllowed = false;
  /** Group → allowed or denied; these decide before patterns do. */
  #literals: Map<string, boolean> | undefined;
  #patterns: GroupPattern[] | undefined;

  allows(group: string): boolean {
    return this.#literals?.get(group) ?? this.#allowsByRole(group);
  }

  allowAll(): undefined {
    this.#isAllAllowed = true;
  }

  addLiteral(group: string): string | undefined {
    if (!isGroupName(group)) return 'not a valid group name';
    return this.#set(group, true) ? undefined : `more than ${maxLiterals} groups`;
  }

  addPattern(text: string): string | undefined {
    this.#patterns ??= [];
    if (this.#patterns.length >= maxPatterns) return `more than ${maxPatterns} patterns`;
    const pattern = compilePattern(text);
    if (pattern === undefined) return 'not a valid pattern';
    this.#patterns.push(pattern);
    return undefined;
  }

  grant(group: string): boolean {
    if (this.#literals?.get(group) === false) this.#literals.delete(group);
    return this.allows(group) || this.#set(group, true);
  }

  revoke(group: string): boolean {
    if (this.#literals?.get(group) === true) this.#literals.delete(group);
    return !this.allows(group) || this.#set(group, false);
  }

  #set(group: string, isAllowed: boolean): boolean {
    this.#literals ??= new Map();
    if (this.#literals.size >= maxLiterals && !this.#literals.has(group)) return false;
    this.#literals.set(group, isAllowed);
    return true;
  }

  #allowsByRole(group: string): boolean {
    return this.#isAllAllowed || (this.#patterns?.some(matches => matches(group)) ?? false);
  }
}
