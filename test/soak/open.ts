import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppServer } from './app/app-server.js';
import { Tally } from './app/tally.js';
import { Dice } from './dice.js';
import { firstVariant, hubsYaml, urlsOf } from './load/hubs-yaml.js';
import { KnownClients } from './load/known-clients.js';
import { Ledger } from './load/ledger.js';
import { RestClient } from './load/rest-client.js';
import type { Apps, Stage } from './load/stage.js';
import { Tokens } from './load/tokens.js';
import type { SoakOptions } from './options.js';
import { Hubwire } from './server/hubwire.js';

/** A service and its app servers, all of them idle. @throws Error when the service does not start */
export async function openStage({ seed, program }: SoakOptions, ending: AbortSignal): Promise<Stage> {
  const tally = new Tally();
  const ledger = new Ledger();
  const apps = await startApps(seed, tally);
  const hubsFile = newHubsFile(hubsYaml(urlsOf(apps), firstVariant));
  const hubwire = await Hubwire.start(program, hubsFile);
  const tokens = new Tokens(hubwire);
  const rest = new RestClient(hubwire, tokens, ledger);
  return { seed, hubwire, hubsFile, apps, tokens, rest, tally, ledger, knownClients: new KnownClients(), ending };
}

async function startApps(seed: number, tally: Tally): Promise<Apps> {
  const start = (name: string) => AppServer.start(tally, new Dice(seed, `app server ${name}`));
  return { steady: await start('steady'), guest: await start('guest'), unwilling: await start('unwilling') };
}

/** In a folder of its own, which goes with this process. */
function newHubsFile(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'hubwire-soak-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'hubs.yaml');
  writeFileSync(file, text);
  return file;
}
