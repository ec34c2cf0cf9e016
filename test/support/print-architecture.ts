import { architectureOf, textOf } from './architecture-report.js';
import { functionLengths } from './function-lengths.js';
import { programFiles } from './source-files.js';

/** Prints rooms, floors, arrows, cycles and sizes of `src`; `--json` prints them as data. */
const files = programFiles();
const report = architectureOf(files, functionLengths(files));
process.stdout.write(process.argv.includes('--json') ? `${JSON.stringify(report, null, 2)}\n` : textOf(report));
