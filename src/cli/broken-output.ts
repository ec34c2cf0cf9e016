/**
 * Ends the process when what it prints cannot be written: in silence when whoever read it has ended, as `head` does. For
 * commands that print and end; the service goes on.
 */
export function outputFailed({ code = '' }: NodeJS.ErrnoException): void {
  if (code === 'EPIPE') process.exit(0);
  process.stderr.write(
    `hubwire: standard output cannot be written (${code}); free room there, or write to another file\n`,
  );
  process.exit(1);
}
