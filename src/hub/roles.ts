import { distance } from 'fastest-levenshtein';
import { groupNameRule, isGroupName } from '../protocols/names.js';
import { compilePattern } from '../protocols/patterns.js';
import type { Permission } from './commands.js';

/** Roles alone give these: the whole right, or that for one group. */
type StateRight = 'setGroupState' | 'getGroupState';

/** What a connection can be allowed to do with a group; REST has the first two only. [client-protocols 2.2, 4.9] */
export type GroupRight = Permission | StateRight;

/** What a role gives, for all groups, for one, or for those that a pattern matches. [client-protocols 2.2] */
export type RoleRule =
  | { readonly right: GroupRight; readonly scope: 'all' }
  | { readonly right: GroupRight; readonly scope: 'group'; readonly group: string }
  | { readonly right: GroupRight; readonly scope: 'pattern'; readonly pattern: string };

export const noPattern = 'not a valid pattern';

const rolePrefix = 'webpubsub.';

const rights = [
  spelled('joinLeaveGroup', true),
  spelled('sendToGroup', true),
  spelled('setGroupState', false),
  spelled('getGroupState', false),
] as const;

/** The text of the acknowledgement that refuses a request. */
export function missingPermission(right: GroupRight, group: string): string {
  return `no ${right} permission for group ${group}`;
}

export const groupRights: readonly GroupRight[] = rights.map(({ right }) => right);

/** A right with its spellings: roles are read at each connect. The plural is that of patterns. */
function spelled(right: GroupRight, hasPatterns: boolean) {
  const whole = `${rolePrefix}${right}`;
  return { right, whole, literal: `${whole}.`, pattern: hasPatterns ? `${whole}s.` : undefined };
}

/**
 * What the role gives, or why it gives nothing: spelling and letter case count. A pattern is not compiled yet: of many
 * roles only some are used. [client-protocols 2.2]
 */
export function parseRole(role: string): RoleRule | string {
  for (const { right, whole, literal, pattern } of rights) {
    if (role === whole) return { right, scope: 'all' };
    if (role.startsWith(literal)) return groupRule(right, role.slice(literal.length));
    if (pattern !== undefined && role.startsWith(pattern)) {
      return { right, scope: 'pattern', pattern: role.slice(pattern.length) };
    }
  }
  return 'not a role of this service';
}

/** The role that gives the right for the one group. */
export function roleFor(right: GroupRight, group: string): string {
  return `${rolePrefix}${right}.${group}`;
}

/** Why the role gives nothing, and the one that was probably meant; undefined for a role that gives something. */
export function roleProblem(role: string): string | undefined {
  const reason = reasonOf(role);
  return reason === undefined ? undefined : withSuggestion(role, reason);
}

/** The reason with the nearest role that exists, if one is near. */
export function withSuggestion(role: string, reason: string): string {
  const similar = similarRole(role);
  return similar === undefined ? reason : `${reason}; did you mean "${similar}"?`;
}

function reasonOf(role: string): string | undefined {
  const rule = parseRole(role);
  if (typeof rule === 'string') return rule;
  return rule.scope === 'pattern' && compilePattern(rule.pattern) === undefined ? noPattern : undefined;
}

function groupRule(right: GroupRight, group: string): RoleRule | string {
  return isGroupName(group) ? { right, scope: 'group', group } : `not a valid group name, which has ${groupNameRule}`;
}

// ------------------------------------------------------------------------------------------------------- did you mean

/** Longer names of rights are not compared: the search takes time with the square of their length. */
const maxComparedLength = 40;

/** An existing role whose spelling is near, with the same group or pattern; undefined when none is. */
function similarRole(role: string): string | undefined {
  const labels = role.split('.', 3);
  const best = [labels.slice(0, 2).join('.'), labels[0]!]
    .flatMap(head => candidates(head, role.slice(head.length)))
    .sort((a, b) => a.distance - b.distance)[0];
  return best !== undefined && best.role !== role ? best.role : undefined;
}

/** @param head the part that may be a right, with or without the prefix. @param rest of the role: a dot and a name, or nothing */
function candidates(head: string, rest: string): { readonly role: string; readonly distance: number }[] {
  if (head.length > maxComparedLength) return [];
  const given = head.toLowerCase();
  const from = given.includes('.') ? 0 : rolePrefix.length;
  const hasName = rest.length > 1;
  return rights
    .flatMap(({ whole, pattern }) => (hasName && pattern !== undefined ? [whole, pattern.slice(0, -1)] : [whole]))
    .map(whole => ({
      role: hasName ? whole + rest : whole,
      distance: distance(given, whole.slice(from).toLowerCase()),
    }))
    .filter(({ distance }) => distance <= Math.max(2, given.length / 3))
    .filter(({ role }) => reasonOf(role) === undefined);
}
