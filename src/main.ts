#!/usr/bin/env node
import { groupArguments } from './cli/argument-groups.js';
import { outputFailed } from './cli/broken-output.js';
import { exitCodeOf, failureText } from './cli/failure.js';
import { makeProgram } from './cli/program.js';

/** Variables that hubs.yaml may name and that need not be set. */
const defaults = { SAMPLE_PORT: '3000' };

const env = { ...process.env, SAMPLE_PORT: process.env.SAMPLE_PORT || defaults.SAMPLE_PORT };
process.stdout.on('error', outputFailed);
try {
  await makeProgram(env).parseAsync(groupArguments(process.argv.slice(2)), { from: 'user' });
} catch (error) {
  process.stderr.write(`${failureText(error, env)}\n`);
  process.exit(exitCodeOf(error));
}
