import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Command, Suite } from './suites.js';

/** Longest that one suite may take once it is installed, in milliseconds. */
const patienceMs = 240_000;

export type Status = 'pass' | 'fail' | 'not offered' | 'not run';

export interface Outcome {
  readonly status: Status;
  readonly detail: string;
}

/** One suite's outcomes, by feature. A feature that the suite should cover and does not speak of has failed. */
export type Outcomes = ReadonlyMap<string, Outcome>;

/** Never throws for what is wrong with an SDK, its packages or the service: that is what the outcomes say. */
export async function outcomesOf(
  suite: Suite,
  features: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Outcomes> {
  const covered = features.filter(suite.covers);
  const all = (outcome: Outcome) => new Map(covered.map(feature => [feature, outcome]));
  let command: Command;
  try {
    command = await suite.prepare();
  } catch (error) {
    return all({ status: 'not run', detail: (error as Error).message });
  }
  const { said, end } = await listenTo(command, environment);
  const silent: Outcome = { status: 'fail', detail: `the suite said nothing about it; ${end}` };
  const unknown = [...said.keys()].filter(feature => !covered.includes(feature));
  if (unknown.length > 0) throw new Error(`${suite.column} speaks of features that are not listed: ${unknown}`);
  return new Map(covered.map(feature => [feature, said.get(feature) ?? silent]));
}

async function listenTo(command: Command, environment: Readonly<Record<string, string>>) {
  const child = spawn(command.file, command.args, {
    cwd: command.cwd,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  let noise = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    noise = (noise + text).slice(-2_000);
  });
  const ended = once(child, 'exit');
  const said = new Map<string, Outcome>();
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{')) continue; // an SDK's own word on standard output
    const { feature, status, detail } = JSON.parse(line) as Outcome & { feature: string };
    said.set(feature, { status, detail: brief(detail) });
  }
  const [code, signal] = (await ended) as [number | null, string | null];
  clearTimeout(timer);
  const lastWord = noise.trim().split('\n').at(-1) ?? '';
  return { said, end: `it ended with ${signal ?? `code ${code}`}: ${brief(lastWord)}` };
}

/** One short line without tokens. */
function brief(text: string): string {
  const line = text.replace(/\s+/g, ' ').replace(/access_token=[^\s&"']+/g, 'access_token=…');
  return line.length > 300 ? `${line.slice(0, 299)}…` : line;
}
