import { stripVTControlCharacters } from 'node:util';

/** How a suite of specs ended. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  /** Titles with their reasons, or what the suite printed, where some failed. */
  readonly failures: string;
}

interface MochaReport {
  readonly stats: { readonly passes: number; readonly failures: number };
  readonly failures: readonly { readonly fullTitle: string; readonly err: { readonly message?: string } }[];
}

/** Of mocha's reporter `json`. */
export function countsOfMocha(report: string): Counts {
  const { stats, failures } = JSON.parse(report) as MochaReport;
  const lines = failures.map(({ fullTitle, err }) => `${fullTitle}: ${err.message ?? 'no message'}`);
  return { passed: stats.passes, failed: stats.failures, failures: lines.join('\n') };
}

/** Of jasmine-spec-reporter: `Executed 84 of 84 specs SUCCESS.`, `Executed 84 of 84 specs (20 FAILED).` @throws without such a line */
export function countsOfJasmine(output: string): Counts {
  const text = stripVTControlCharacters(output);
  const [, executed, , failed = '0'] = /Executed (\d+) of (\d+) specs?(?:.*?\((\d+) FAILED\))?/.exec(text) ?? [];
  if (executed === undefined) throw new Error(`the suite ended without counts:\n${text.slice(-4_000)}`);
  const list = Number(failed) > 0 ? text.slice(text.lastIndexOf('Failures')) : '';
  return { passed: Number(executed) - Number(failed), failed: Number(failed), failures: list };
}
