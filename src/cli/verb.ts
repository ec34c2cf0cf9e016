import { type Command, InvalidArgumentError, Option } from 'commander';
import { outputFormats } from './output/output.js';
import { UsageError } from './usage-error.js';

/**
 * A verb of the vendor's tool, with what that gives to all: the names of a service in the cloud, which have no effect, and
 * how the result is printed. [management 2.1] [MG-050]
 */
export function vendorVerb(group: Command, name: string, description: string): Command {
  return group
    .command(name)
    .description(description)
    .addOption(new Option('-n, --name <name>').hideHelp())
    .addOption(new Option('-g, --resource-group <name>').hideHelp())
    .addOption(new Option('--subscription <name>').hideHelp())
    .addOption(new Option('--verbose').hideHelp())
    .addOption(
      ofOutput('-o, --output <format>', 'default: table at a terminal, json otherwise')
        .choices(outputFormats)
        .argParser(text => oneOf(outputFormats, text)),
    )
    .addOption(ofOutput('--json', 'same as -o json'))
    .addOption(ofOutput('--query <jmespath>', 'print what this expression finds in the result'))
    .addOption(ofOutput('--only-show-errors', 'print no sentence of what changed'))
    .addOption(ofOutput('--debug', 'print the requests, with the Authorization masked'));
}

function ofOutput(flags: string, description: string): Option {
  return new Option(flags, description).helpGroup('Output:');
}

/** A group of verbs. What was typed wrong in it ends with exit code 2. [management 2.1] */
export function vendorGroup(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .exitOverride(error => process.exit(error.exitCode === 0 ? 0 : 2));
}

/** An option that must be given. Unlike what commander offers, a mistyped flag is reported as such, and not as one that is missing. */
export function addRequired(verb: Command, option: Option): Command {
  return verb.addOption(option).hook('preAction', () => {
    if (verb.getOptionValue(option.attributeName()) !== undefined) return;
    throw new UsageError(`required option '${option.flags}' not specified: ${option.description}`);
  });
}

/** One of these words, in any letter case. @throws InvalidArgumentError */
export function oneOf<T extends string>(words: readonly T[], text: string): T {
  const word = words.find(each => each.toLowerCase() === text.toLowerCase());
  if (word !== undefined) return word;
  throw new InvalidArgumentError(`Allowed choices are ${words.join(', ')}.`);
}

/** Of an option that is given several times: all its values. */
export function collected(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** `true` or `false`, and the other spellings that `az` takes. @throws InvalidArgumentError */
export function booleanOf(text: string): boolean {
  const lower = text.toLowerCase();
  if (['true', 'yes', 'y', 't', '1'].includes(lower)) return true;
  if (['false', 'no', 'n', 'f', '0'].includes(lower)) return false;
  throw new InvalidArgumentError('Allowed choices are true, false.');
}

/** @throws InvalidArgumentError */
export function wholeNumberOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}
