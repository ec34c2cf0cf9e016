import type { Command } from 'commander';

/** Texts of messages, which may be empty. */
const textFlag = 'payload';
const textArgument = 'message';

/**
 * Ends the process when a flag or an argument is given with an empty value, as `--group "$GROUP"` is without the variable. Without
 * this, an empty `--tls-cert` and `--tls-key` would mean plain HTTP, and an empty `--group-name` all groups.
 */
export function refuseEmptyValues(verb: Command): void {
  const flag = verb.options.find(option => {
    const name = option.attributeName();
    return name !== textFlag && verb.getOptionValueSource(name) === 'cli' && isEmpty(verb.getOptionValue(name));
  });
  const position = verb.args.indexOf('');
  const argument = position < 0 ? undefined : verb.registeredArguments[position]?.name();
  const shownArgument = argument === undefined || argument === textArgument ? undefined : `the argument "${argument}"`;
  const name = flag?.long ?? shownArgument;
  if (name !== undefined) verb.error(`error: ${name} is empty; give it a value, or leave it out`);
}

/** Of a flag that may be repeated also when one of its values is empty. */
function isEmpty(value: unknown): boolean {
  return value === '' || (Array.isArray(value) && value.includes(''));
}
