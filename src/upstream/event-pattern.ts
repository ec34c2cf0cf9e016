import { PubSubError } from '../errors.js';
import { eventNameRule, groupNameRule, isEventName, isGroupName } from '../protocols/names.js';
import { compilePattern, type GroupPattern, maxPatternLength, maxStars } from '../protocols/patterns.js';

/** Names in one `userEventPattern`. */
export const maxEventNames = 1_000;

/**
 * Reads a `userEventPattern` and answers whether a user event matches it, ignoring case.
 *
 * `written` is the pattern before environment variables were filled in: messages quote nothing else.
 * @throws PubSubError `invalid` when it is neither `*`, nor one name, nor a comma list of names
 * [upstream-events 5.1, 5.3, D24]
 */
export function parseEventPattern(text: string, written = text): (event: string) => boolean {
  const pattern = text.trim();
  if (pattern === '') return () => false;
  if (pattern === '*') return () => true;
  const items = pattern.split(',', maxEventNames + 1);
  if (items.length > maxEventNames) {
    throw invalid(`lists more than ${maxEventNames} event names; use \`*\` for every event, or fewer names`);
  }
  const names = new Set(items.map(item => parseName(item.trim(), written)));
  return event => names.has(event) || names.has(event.toLowerCase());
}

/**
 * Reads one of `groupFilters`: a pattern of group names, in the language of roles.
 * @throws PubSubError `invalid` when it is none
 * [upstream-events 2.9, client-protocols 2.2]
 */
export function parseGroupFilter(text: string): GroupPattern {
  const pattern = compilePattern(text);
  const isLiteral = !/[*?\\]/.test(text);
  if (pattern !== undefined && isLiteral && !isGroupName(text)) {
    throw invalid(`is not a valid group name; a group name has ${groupNameRule}`);
  }
  if (pattern !== undefined) return pattern;
  throw invalid(
    `is not a pattern of group names; write 1 to ${maxPatternLength} characters with at most ${maxStars} stars, and \\ only before *, ? or \\`,
  );
}

function parseName(name: string, written: string): string {
  if (name === '') throw invalid('an event name is missing next to a comma; remove the comma');
  const hasWildcard = /[*?\\]/.test(name);
  if (!hasWildcard && isEventName(name)) return name.toLowerCase();
  const shown = written.includes(name) ? ` ${JSON.stringify(name)}` : '';
  if (!hasWildcard) throw invalid(`the event name${shown} is not valid; a name is ${eventNameRule}`);
  throw invalid(`the event name${shown} contains a wildcard; write \`*\` alone for every event, or full names`);
}

function invalid(reason: string): PubSubError {
  return new PubSubError('invalid', reason);
}
