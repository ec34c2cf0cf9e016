// What checks of the server library and of clients have in common. Runs in Node and in a page.

/** Longest that one check may take, in milliseconds. */
const patienceMs = 20_000;

/** What a check resolves to: nothing, or one line for the report. */
export type Check<Bench> = (bench: Bench) => Promise<unknown>;

export interface NotOffered {
  readonly notOffered: string;
}

export type Checks<Bench> = Readonly<Record<string, Check<Bench> | NotOffered>>;

export interface Line {
  readonly feature: string;
  readonly status: 'pass' | 'fail' | 'not offered';
  readonly detail: string;
}

export function expect(isSo: boolean, what: string): asserts isSo {
  if (!isSo) throw new Error(what);
}

export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
  expect(is === should, `${what}: ${is} instead of ${should}`);
}

/** Rejects when it takes too long. */
export async function within<T>(promise: Promise<T>, what: string, limitMs = 8_000): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${limitMs / 1000} s`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs them one after the other, each with a bench of its own. */
export async function runAll<Bench extends { end(): unknown }>(
  checks: Checks<Bench>,
  benchFor: (feature: string) => Bench,
  wanted: readonly string[],
  say: (line: Line) => void,
): Promise<void> {
  for (const [feature, check] of Object.entries(checks)) {
    if (wanted.length > 0 && !wanted.includes(feature)) continue;
    if ('notOffered' in check) say({ feature, status: 'not offered', detail: check.notOffered });
    else say(await runOne(feature, check, benchFor(feature)));
  }
}

async function runOne<Bench extends { end(): unknown }>(
  feature: string,
  check: Check<Bench>,
  bench: Bench,
): Promise<Line> {
  try {
    const detail = await within(check(bench), 'the check', patienceMs);
    return { feature, status: 'pass', detail: typeof detail === 'string' ? detail : '' };
  } catch (error) {
    return { feature, status: 'fail', detail: error instanceof Error ? error.message : String(error) };
  } finally {
    await bench.end();
  }
}
