import type { Command, Option } from 'commander';

/** A command, by its place in the tree: `/hub/create`; the program itself is the empty text. */
export interface Node {
  readonly path: string;
  readonly commands: readonly Word[];
  readonly flags: readonly Flag[];
  /** Values of its first argument. */
  readonly choices: readonly string[];
}

export interface Word {
  readonly name: string;
  readonly description: string;
}

export interface Flag extends Word {
  /** With the dashes. */
  readonly name: string;
  /** With one dash, if it has one. */
  readonly short: string | undefined;
  readonly takesValue: boolean;
  /** Names a file or a folder. */
  readonly isFile: boolean;
  readonly choices: readonly string[];
}

/** Every command of the tree. What is hidden in the help is left out. The default command's flags are the program's too. */
export function nodesOf(command: Command, path = ''): readonly Node[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command).filter(({ parent }) => parent === command);
  const standIn = path === '' ? command.commands.filter(each => each.name() === 'start') : [];
  const flags = [command, ...standIn].flatMap(each => help.visibleOptions(each)).map(flagOf);
  const named = flags.filter((flag, at) => flags.findIndex(({ name }) => name === flag.name) === at);
  const [first] = command.registeredArguments;
  const node = {
    path,
    commands: commands.map(each => ({ name: each.name(), description: each.description() })),
    flags: named,
    choices: first?.argChoices ?? [],
  };
  return [node, ...commands.flatMap(each => nodesOf(each, `${path}/${each.name()}`))];
}

function flagOf(option: Option): Flag {
  return {
    name: option.long ?? option.short ?? '',
    short: option.short,
    description: option.description,
    takesValue: option.required || option.optional,
    isFile: /<(?:file|folder)>/.test(option.flags),
    choices: option.argChoices ?? [],
  };
}
