import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Nothing that is not the page's own: no graphics processor, no first-run pages, no calls home. */
const flags = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];

/** Why a test with a browser does not run where `startBrowser` finds none. */
export const noBrowser =
  'there is no Chromium; test/setup.sh installs it, and CHROMIUM_PATH names one that is elsewhere';

/** A browser without a window; undefined when this machine has none. */
export async function startBrowser(): Promise<Browser | undefined> {
  const executablePath = browserPath();
  return executablePath === undefined
    ? undefined
    : await chromium.launch({ executablePath, chromiumSandbox: false, args: flags });
}

function browserPath(): string | undefined {
  try {
    return execFileSync('sh', ['test/setup.sh', 'chromium'], { cwd: root, encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}
