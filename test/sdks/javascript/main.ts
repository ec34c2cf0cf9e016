// Prints one JSON line per feature. Arguments: the client package to use (two versions are installed), then names of
// checks when only some are wanted.
import { Bench, type Checks, run } from './checks.js';
import { type ClientModule, clientChecks } from './client-checks.js';
import { closeChecks, groupChecks } from './membership-checks.js';
import { sendChecks } from './send-checks.js';
import { existenceChecks, listChecks, permissionChecks, tokenChecks } from './service-checks.js';
import { sessionChecks } from './session-checks.js';

const [clientPackage = '@azure/web-pubsub-client', ...wanted] = process.argv.slice(2);
const sdk = (await import(clientPackage)) as ClientModule;
const {
  HUBWIRE_CONNECTION_STRING: connectionString = '',
  HUBWIRE_UNSTEADY_ENDPOINT: unsteadyEndpoint = '',
  HUBWIRE_CONTROL_URL: controlUrl = '',
} = process.env;

const checks: Checks = {
  ...tokenChecks,
  ...sendChecks,
  ...existenceChecks,
  ...closeChecks,
  ...groupChecks,
  ...listChecks,
  ...permissionChecks,
  ...clientChecks(sdk),
  ...sessionChecks(sdk),
};

function say(feature: string, status: 'pass' | 'fail' | 'not offered', detail: string): void {
  console.log(JSON.stringify({ feature, status, detail }));
}

for (const [feature, check] of Object.entries(checks)) {
  if (wanted.length > 0 && !wanted.includes(feature)) continue;
  if ('notOffered' in check) {
    say(feature, 'not offered', check.notOffered);
    continue;
  }
  try {
    say(feature, 'pass', await run(check, new Bench(connectionString, unsteadyEndpoint, controlUrl, feature)));
  } catch (error) {
    say(feature, 'fail', (error as Error).message);
  }
}
process.exit(); // a client that a failed check left behind would keep trying to reconnect
