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
  expect(commandLine(args, env, { script })).toBe(line);
});

test.each([
  ['a checkout', {}, 'dist/main.js', 'node ../dist/main.js start'],
  ['another checkout', {}, '/elsewhere/dist/main.js', 'node /elsewhere/dist/main.js start'],
  ['npx', { npm_command: 'exec' }, '/cache/.bin/hubwire', 'npx hubwire start'],
])('the line is one for the folder in which it will be typed: %s', (_, env, script, line) => {
  expect(commandLine('start', env, { script, folder: 'my-app' })).toBe(line);
});
