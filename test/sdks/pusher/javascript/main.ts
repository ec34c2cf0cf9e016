// Prints one JSON line per feature. Arguments: which library (`pusher`, `pusher-js`, `chromium`, `laravel-echo`), then names of
// checks when only some are wanted.
import { randomBytes } from 'node:crypto';
import Pusher from 'pusher';
import { startBrowser } from '../../../support/browser.js';
import { AppServer, bundled } from './app-server.js';
import { type Line, runAll } from './checks.js';
import { ClientBench, type World } from './client-bench.js';
import { clientChecks } from './client-checks.js';
import { type EchoConstructor, echoChecks } from './echo-checks.js';
import type { PusherJsConstructor } from './library.js';
import { placeOf, ServerBench } from './server-bench.js';
import { serverChecks } from './server-checks.js';

const [library = 'pusher', ...wanted] = process.argv.slice(2);
const {
  HUBWIRE_PUSHER_URL: pusherUrl = '',
  HUBWIRE_CONTROL_URL: controlUrl = '',
  HUBWIRE_UNSTEADY_PORT: unsteadyPort = '',
} = process.env;
const place = placeOf(pusherUrl);
const say = (line: Line) => console.log(JSON.stringify(line));

/** The app server of the clients. */
async function startApp(): Promise<{ app: AppServer; world: World }> {
  const encryptionMasterKeyBase64 = randomBytes(32).toString('base64');
  const options = { ...place, useTLS: false, encryptionMasterKeyBase64 };
  const app = new AppServer(new Pusher(options), new Pusher({ ...options, secret: 'of-another' }), controlUrl);
  const appUrl = await app.listen();
  const ports = { port: Number(place.port), unsteadyPort: Number(unsteadyPort) };
  return { app, world: { key: place.key, ...ports, appUrl, run: `${library}-${process.pid}` } };
}

/** From a package that is there once the suite is installed. */
async function exported<T>(name: string): Promise<T> {
  const { default: found } = (await import(name)) as { default: T | { default: T } };
  return typeof found === 'object' && found !== null && 'default' in found ? found.default : (found as T);
}

async function checkPusherJs(): Promise<void> {
  const { world } = await startApp();
  const client = await exported<PusherJsConstructor>('pusher-js');
  await runAll(clientChecks, feature => new ClientBench(client, world, feature), wanted, say);
}

async function checkEcho(): Promise<void> {
  const { world } = await startApp();
  const client = await exported<PusherJsConstructor>('pusher-js');
  const checks = echoChecks(await exported<EchoConstructor>('laravel-echo'));
  await runAll(checks, feature => new ClientBench(client, world, feature), wanted, say);
}

const pageScript = `
import Pusher from 'pusher-js/with-encryption';
import { runAll } from './checks.ts';
import { ClientBench } from './client-bench.ts';
import { clientChecks } from './client-checks.ts';
globalThis.check = (world, wanted) =>
  runAll(clientChecks, feature => new ClientBench(Pusher, world, feature), wanted, line => globalThis.say(line));
`;

async function checkChromium(): Promise<void> {
  const browser = await startBrowser();
  if (browser === undefined) throw new Error('there is no Chromium'); // suites.ts has looked for it
  const { app, world } = await startApp();
  app.page = {
    '/': { type: 'text/html', content: '<!doctype html><script src="/checks.js"></script>' },
    '/checks.js': { type: 'text/javascript', content: await bundled(pageScript, import.meta.dirname) },
  };
  const page = await browser.newPage();
  await page.exposeFunction('say', say);
  await page.goto(world.appUrl);
  type Page = { check(world: World, wanted: readonly string[]): Promise<void> };
  await page.evaluate(([given, names]) => (globalThis as unknown as Page).check(given, names), [
    world,
    wanted,
  ] as const);
  await browser.close();
}

const programs: Readonly<Record<string, () => Promise<void>>> = {
  pusher: () => runAll(serverChecks, feature => new ServerBench(place, controlUrl, feature), wanted, say),
  'pusher-js': checkPusherJs,
  chromium: checkChromium,
  'laravel-echo': checkEcho,
};
await programs[library]?.();
process.exit(); // what a failed check left behind
