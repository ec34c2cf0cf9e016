// Runs the integration specs of pusher-js, in the namespace that namespace.ts makes: the service on port 80, TLS in front of
// it on port 443, the helper server of the specs on 3000 and 3001. Arguments: the folder of the specs, jasmine, the helper.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { promisify } from 'node:util';
import { startServiceNodes } from '../support/service-nodes.js';
import { clusterApps, yamlOf } from './apps.js';
import { hostNames } from './namespace.js';

const run = promisify(execFile);
const [folder = '', jasmine = '', helperFolder = ''] = process.argv.slice(2);
const [plainPort, tlsPort] = [80, 443];

interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

async function makeCertificate(place: string): Promise<Certificate> {
  const [certFile, keyFile] = [join(place, 'cert.pem'), join(place, 'key.pem')];
  const names = hostNames.map(name => `DNS:${name}`).join(',');
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const about = ['-subj', '/CN=hubwire test', '-addext', `subjectAltName=${names}`];
  await run('openssl', ['req', ...kind, ...about, '-keyout', keyFile, '-out', certFile]);
  return { certFile, keyFile };
}

/** Ends TLS and passes the bytes on. */
async function listenWithTls({ certFile, keyFile }: Certificate) {
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  const server = createServer({ cert, key }, socket => {
    const onward = connect(plainPort, '127.0.0.1');
    socket.pipe(onward).pipe(socket);
    socket.on('error', () => onward.destroy()); // the other end has seen it
    onward.on('error', () => socket.destroy());
  });
  server.listen(tlsPort, '127.0.0.1');
  await once(server, 'listening');
}

function helperEnvironment(): Record<string, string> {
  const of = (cluster: string, { id, key, secret }: { id: string; key: string; secret: string }) => ({
    [`INTEGRATION_TESTS_APP_${cluster}_APP_ID`]: id,
    [`INTEGRATION_TESTS_APP_${cluster}_KEY`]: key,
    [`INTEGRATION_TESTS_APP_${cluster}_SECRET`]: secret,
  });
  return { ...of('MT1', clusterApps.mt1), ...of('EU', clusterApps.eu) };
}

/** @throws when it ends before both of its ports are open */
async function startHelper() {
  const env = { ...process.env, ...helperEnvironment() };
  const child = spawn(process.execPath, ['index.js'], { cwd: helperFolder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  for await (const text of child.stdout.setEncoding('utf8')) {
    output += text;
    if (output.includes('port 3000') && output.includes('port 3001')) return child;
  }
  throw new Error('the helper server of the specs did not start');
}

async function runSpecs(place: string): Promise<void> {
  const certificate = await makeCertificate(place);
  const service = await startServiceNodes(yamlOf(Object.values(clusterApps)), { port: plainPort });
  try {
    await listenWithTls(certificate);
    const helper = await startHelper();
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: certificate.certFile };
    const specs = spawn(jasmine, ['--config=spec/config/jasmine/integration.json'], {
      cwd: folder,
      env,
      stdio: 'inherit',
    });
    await once(specs, 'exit');
    helper.kill();
  } finally {
    await service.stop();
  }
}

const place = await mkdtemp(join(tmpdir(), 'hubwire-pusher-'));
await runSpecs(place).catch((error: unknown) => console.error((error as Error).message));
await rm(place, { recursive: true, force: true });
process.exit(); // the TLS listener, and what the specs have left open
