import { PubSubError } from '../errors.js';
import { compilePattern, type GroupPattern } from '../protocols/patterns.js';
import type { Permission } from './commands.js';
import {
  type GroupRight,
  groupRights,
  missingPermission,
  noPattern,
  parseRole,
  type RoleRule,
  roleFor,
} from './roles.js';
import type { PermissionsRecord, RulesRecord } from './session.js';

/** Per permission and connection. [client-protocols 2.2, 8.1; rest-api 2.5] */
const maxLiterals = 1000;
const maxPatterns = 10;

export interface IgnoredRole {
  readonly role: string;
  readonly reason: string;
}

/** A request for which its connection has no right. */
export class NotAllowed extends PubSubError {
  /** The role that gives it. */
  readonly neededRole: string;

  constructor(right: GroupRight, group: string) {
    super('forbidden', missingPermission(right, group));
    this.neededRole = roleFor(right, group);
  }
}

/** What one connection may do: roles from its token or `connect` reply, then grants and revocations. [client-protocols 2.2] */
export class Permissions {
  /** Invalid roles. They never cause a connection to be refused. */
  #ignored: IgnoredRole[] | undefined;
  /** Rights that have roles, grants or revocations; undefined while there are none. */
  #rules: Partial<Record<GroupRight, Rules>> | undefined;

  constructor(roles: readonly string[]) {
    for (const role of roles) {
      const rule = parseRole(role);
      const reason = typeof rule === 'string' ? rule : this.#add(rule);
      if (reason === undefined) continue;
      this.#ignored ??= [];
      this.#ignored.push({ role, reason });
    }
  }

  /** @throws PubSubError `malformed` for what is not a pattern, and for too many */
  static from(record: PermissionsRecord): Permissions {
    const permissions = new Permissions([]);
    for (const right of groupRights) {
      const rules = record[right];
      if (rules !== undefined) permissions.#rulesOf(right).restore(rules);
    }
    return permissions;
  }

  record(): PermissionsRecord {
    const record: PermissionsRecord = {};
    for (const right of groupRights) record[right] = this.#rules?.[right]?.record();
    return record;
  }

  /** Invalid roles, to be reported; they are not kept. */
  takeIgnored(): readonly IgnoredRole[] {
    const ignored = this.#ignored ?? noneIgnored;
    this.#ignored = undefined;
    return ignored;
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

  /** Why the role was not used; undefined when it was. */
  #add(rule: RoleRule): string | undefined {
    const rules = this.#rulesOf(rule.right);
    switch (rule.scope) {
      case 'all':
        return rules.allowAll();
      case 'group':
        return rules.addLiteral(rule.group);
      case 'pattern':
        return rules.addPattern(rule.pattern);
    }
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

  /** To be called once, first. @throws as `Permissions.from` */
  restore({ isAllAllowed, literals, patterns }: RulesRecord): void {
    this.#isAllAllowed = isAllAllowed;
    for (const [group, isAllowed] of literals) this.#set(group, isAllowed);
    for (const text of patterns) {
      const problem = this.addPattern(text);
      if (problem !== undefined) throw new PubSubError('malformed', `pattern of group names: ${problem}`);
    }
  }

  record(): RulesRecord {
    return {
      isAllAllowed: this.#isAllAllowed,
      literals: [...(this.#literals ?? [])],
      patterns: (this.#patterns ?? []).map(({ text }) => text),
    };
  }

  allows(group: string): boolean {
    return this.#literals?.get(group) ?? this.#allowsByRole(group);
  }

  allowAll(): undefined {
    this.#isAllAllowed = true;
  }

  addLiteral(group: string): string | undefined {
    return this.#set(group, true) ? undefined : `more than ${maxLiterals} groups`;
  }

  addPattern(text: string): string | undefined {
    this.#patterns ??= [];
    if (this.#patterns.length >= maxPatterns) return `more than ${maxPatterns} patterns`;
    const pattern = compilePattern(text);
    if (pattern === undefined) return noPattern;
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
    return this.#isAllAllowed || (this.#patterns?.some(pattern => pattern.matches(group)) ?? false);
  }
}
