import type { Reporter, TestModule } from 'vitest/node';

/** Lists at the end of a run what was skipped with a reason. */
export default class NotRunReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const result = test.result();
        if (result.state !== 'skipped' || result.note === undefined) continue;
        process.stdout.write(`not run: ${module.relativeModuleId} › ${test.fullName}: ${result.note}\n`);
      }
    }
  }
}
