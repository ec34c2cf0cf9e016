/** What was typed cannot be meant: nothing was done. Ends the process with exit code 2. [management 2.1] */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
