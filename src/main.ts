#!/usr/bin/env node
import { failureText, makeProgram } from './cli/program.js';

try {
  await makeProgram(process.env).parseAsync();
} catch (error) {
  process.stderr.write(`${failureText(error)}\n`);
  process.exit(1);
}
