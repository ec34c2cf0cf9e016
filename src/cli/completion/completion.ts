import type { Command } from 'commander';
import { bashScript } from './bash.js';
import { fishScript } from './fish.js';
import { nodesOf } from './tree.js';
import { zshScript } from './zsh.js';

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** A script that completes the commands and flags of this program, made of its tree: no process is started for it. [MG-059] */
export function completionOf(shell: keyof typeof scripts, program: Command): string {
  return scripts[shell](nodesOf(program));
}
