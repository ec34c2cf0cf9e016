/** A line without what a terminal would obey: texts of clients, app servers and files may contain it. */
export function printable(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}

/** What a server says about a failure: one line, not too long. */
export function reasonLine(text: string): string {
  return printable(text.replaceAll(/\s+/g, ' ').trim().slice(0, mostReasonLength));
}

const mostReasonLength = 300;
