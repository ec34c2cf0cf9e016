/** What is said of a setting that names channels which cannot be here. [pusher-webhooks 3.11] */
export const foreignNames =
  "channels' names have no `:` and no `#` here: rename such channels, also in clients and app servers";

/** Of signed-in users: the one `#` that there is. */
const ownChannel = /^\^?#server-to-user-/;

/** `(?:`, `(?i:` and `[:alpha:]` of a regular expression. */
const colonsOfPatterns = /\(\?[a-zA-Z-]*:|\[:\^?[a-z]+:\]/g;

/** Does it name such a channel: a beginning, an end, or a pattern of names? */
export function showsForeignName(value: unknown): boolean {
  return typeof value === 'string' && /[:#]/.test(value.replace(ownChannel, '').replace(colonsOfPatterns, ''));
}
