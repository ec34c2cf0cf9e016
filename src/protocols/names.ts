/** The name rules that every edge shares. [client-protocols 4.1, 8.1; upstream-events 5.4; rest-api 2.0] */

const hubName = /^[A-Za-z][A-Za-z0-9_`,.[\]]{0,127}$/;
const eventName = /^[A-Za-z][A-Za-z0-9_.-]{0,127}$/;

/** Longest group name, in UTF-16 units. */
export const maxGroupNameLength = 1024;

export function isHubName(name: string): boolean {
  return hubName.test(name);
}

/** Hubs are told apart ignoring case; this is the spelling used for routing. */
export function canonicalHubName(name: string): string {
  return name.toLowerCase();
}

export function isEventName(name: string): boolean {
  return eventName.test(name);
}

/** 1 to 1024 characters, not all white space; any character is allowed and case counts. */
export function isGroupName(name: string): boolean {
  return name.length <= maxGroupNameLength && name.trim() !== '';
}
