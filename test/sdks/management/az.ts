// The vendor's command line against a service: `npx tsx test/sdks/management/az.ts /path/to/az`, after `npm run build`. The
// az is that of PyPI (`pip install azure-cli azure-mgmt-webpubsub`, 700 MB), so this runs on its own. [MG-023]
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startManagementStage } from './stage.js';

const run = promisify(execFile);
const [, , az] = process.argv;
const tenant = '11111111-1111-1111-1111-111111111111';
const where = ['-n', 'MyWebPubSub', '-g', 'MyResourceGroup'];
const hub = ['--hub-name', 'MyHub'];
const handlers =
  '--event-handler url-template=http://host.com user-event-pattern=* --event-handler url-template=http://host2.com system-event=connected system-event=disconnected auth-type=ManagedIdentity auth-resource=uri://myUri'.split(
    ' ',
  );

/** As `az extension add` would install it. */
async function installExtension(folder: string): Promise<void> {
  const extension = join(folder, 'extensions', 'webpubsub');
  const info = join(extension, 'webpubsub-0.0.1.dist-info');
  await mkdir(info, { recursive: true });
  await writeFile(join(info, 'METADATA'), 'Metadata-Version: 2.1\nName: webpubsub\nVersion: 0.0.1\n');
  await writeFile(join(info, 'metadata.json'), '{"name":"webpubsub","version":"0.0.1"}');
  await cp(fileURLToPath(new URL('az', import.meta.url)), extension, { recursive: true });
}

/** Each with what its output must contain. */
function stepsOf(adminUrl: string, token: string): readonly (readonly [args: readonly string[], output: string])[] {
  const webpubsub = (verb: string, ...more: string[]) => ['webpubsub', ...verb.split(' '), ...where, ...more];
  return [
    [['cloud', 'register', '-n', 'hubwire', '--endpoint-resource-manager', adminUrl], ''],
    [['cloud', 'set', '-n', 'hubwire'], ''],
    [['config', 'set', 'core.instance_discovery=false'], ''],
    [['login', '--service-principal', '-u', 'hubwire', '-p', token, '--tenant', tenant], tenant],
    [webpubsub('hub create', ...hub, ...handlers), 'uri://myUri'],
    [webpubsub('hub update', ...hub, '--allow-anonymous', 'true'), '"anonymousConnectPolicy": "allow"'],
    [webpubsub('hub list', '--query', '[].name', '-o', 'tsv'), 'MyHub'],
    [webpubsub('hub show', ...hub), 'http://host2.com'],
    [webpubsub('hub delete', ...hub), ''],
    [webpubsub('key show'), 'AccessKey='],
    [webpubsub('key regenerate', '--key-type', 'secondary'), 'AccessKey='],
    [webpubsub('restart'), ''],
    [webpubsub('show', '--query', 'hostName'), 'localhost'],
  ];
}

if (az === undefined) {
  console.error('usage: npx tsx test/sdks/management/az.ts /path/to/az');
  process.exit(2);
}
const folder = await mkdtemp(join(tmpdir(), 'hubwire-az-'));
const stage = await startManagementStage();
try {
  await installExtension(folder);
  const { HUBWIRE_CA = '', HUBWIRE_ADMIN_URL = '', HUBWIRE_ADMIN_TOKEN = '' } = stage.environment;
  const { PATH = '', HOME = '' } = process.env;
  const env = {
    ...{ PATH, HOME, REQUESTS_CA_BUNDLE: HUBWIRE_CA, AZURE_CONFIG_DIR: join(folder, 'config') },
    ...{ AZURE_EXTENSION_DIR: join(folder, 'extensions'), AZURE_CORE_COLLECT_TELEMETRY: 'no' },
  };
  for (const [args, output] of stepsOf(HUBWIRE_ADMIN_URL, HUBWIRE_ADMIN_TOKEN)) {
    const { stdout } = await run(az, args, { env });
    const isRight = stdout.includes(output);
    console.log(`${isRight ? 'pass' : 'FAIL'}  az ${args.slice(0, 3).join(' ')}`);
    if (!isRight) process.exitCode = 1;
  }
} finally {
  await stage.stop();
  await rm(folder, { recursive: true, force: true });
}
