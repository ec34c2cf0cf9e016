import type { IncomingMessage } from 'node:http';

/**
 * A header as `request.headers` has it, where several lines are one list. Hot path: for the handful that an upgrade needs this
 * costs less than `request.headers`, which Node makes of all of them when the first one is read.
 * @param name in lower case; none of those of which Node keeps the first line only
 */
export function headerOf({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>, name: string): string | undefined {
  let value: string | undefined;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (!isNamed(rawHeaders[at] as string, name)) continue;
    const line = rawHeaders[at + 1] as string;
    value = value === undefined ? line : `${value}, ${line}`;
  }
  return value;
}

/** How many lines a header has. @param name in lower case */
export function lineCountOf({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>, name: string): number {
  let lines = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (isNamed(rawHeaders[at] as string, name)) lines += 1;
  return lines;
}

/** Gives each line of a header this value. @param name in lower case */
export function setLines({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>, name: string, value: string): void {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (isNamed(rawHeaders[at] as string, name)) rawHeaders[at + 1] = value;
  }
}

function isNamed(given: string, name: string): boolean {
  return given.length === name.length && given.toLowerCase() === name;
}
