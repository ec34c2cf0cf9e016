import { describe, expect, test } from 'vitest';
import { makeProgram } from '../../../src/cli/program.js';
import { type SettingName, settings } from '../../../src/cli/variables.js';

const start = makeProgram({}).commands.find(command => command.name() === 'start');

describe('hubwire start --help', () => {
  test.each(Object.keys(settings) as SettingName[])('%s: names the variables and the default', name => {
    const { flag, variables, fallback }: { flag: string; variables: readonly string[]; fallback?: string | undefined } =
      settings[name];
    const text = start?.options.find(({ long }) => long === flag)?.description ?? '';
    for (const variable of variables) expect(text).toContain(variable);
    if (variables.length > 0) expect(text).toContain(`default ${fallback ?? ''}`);
  });
});
