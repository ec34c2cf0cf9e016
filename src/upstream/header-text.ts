const printableAscii = /^[\x20-\x7e]*$/;

/** Can the text be sent in a header? Tabs, which HTTP allows, are not: not every server does. */
export function isSendable(text: string): boolean {
  return printableAscii.test(text);
}
