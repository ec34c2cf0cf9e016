import { expect, test } from 'vitest';
import { commandLine } from '../../../src/cli/invocation.js';

const installed = '/usr/local/bin/hubwire';

test.each([
  ['an installed command', {}, installed, 'start --port 1', 'hubwire start --port 1'],
  ['a checkout', {}, 'dist/main.js', 'start --port 1', 'node dist/main.js start --port 1'],
  ['npm start', { npm_lifecycle_event: 'start' }, 'dist/main.js', 'start --port 1', 'npm start -- --port 1'],
  ['npm start, another verb', { npm_lifecycle_event: 'start' }, 'dist/main.js', 'init', 'node dist/main.js init'],
  ['npx', { npm_command: 'exec' }, '/cache/.bin/hubwire', 'init', 'npx hubwire init'],
])('[F6] the line to type is of the kind that was typed: %s', (_, env, script, args, line) => {
  expect(commandLine(args, env, script)).toBe(line);
});
