import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { createSecureContext } from 'node:tls';
import { PubSubError } from '../errors.js';
import { clusterNameRule, isClusterName } from '../nats/names.js';
import { type NatsOptions, NatsUrlError, parseNatsUrls } from '../nats/options.js';
import { privateNatsVariable } from './scale.js';
import type { Environment } from './settings.js';
import { type Flags, type Given, lookUp } from './variables.js';

/** Settings that mean nothing without `--nats`. */
const dependents = ['natsCreds', 'natsCa', 'natsCert', 'natsKey'] as const;

/**
 * The NATS of several nodes; undefined: this node is alone. Files are read, to tell now what is wrong with them. [cluster 2]
 * @param place of one of several workers @param hasOwnNats without `--nats` one is started, in which the cluster has its name @throws PubSubError `invalid`, without any secret
 */
export async function readNats(
  flags: Flags,
  env: Environment,
  place?: number,
  hasOwnNats = false,
): Promise<NatsOptions | undefined> {
  const urls = lookUp('nats', flags, env);
  const files = dependents.map(name => lookUp(name, flags, env));
  const named = lookUp('clusterName', flags, env);
  const clusterName = clusterNameOf(named);
  if (urls === undefined) {
    const isIdle = named.isDefault !== true && !hasOwnNats;
    const given = files.find(file => file !== undefined) ?? (isIdle ? named : undefined);
    if (given === undefined) return undefined;
    throw invalid(given, 'is given without --nats (or HUBWIRE_NATS): name the NATS servers, or leave it out');
  }
  const [creds, ca, cert, key] = files;
  if (creds !== undefined) await checkCredentials(creds);
  await checkTls(ca, cert, key);
  return {
    servers: serversOf(urls),
    credentialsFile: creds?.text,
    caFile: ca?.text,
    certFile: cert?.text,
    keyFile: key?.text,
    clusterName,
    isPrivate: place !== undefined && env[privateNatsVariable] !== undefined,
    nodeName: nodeNameOf(lookUp('nodeName', flags, env)) + (place === undefined ? '' : `-${place}`),
  };
}

function serversOf(given: Given): NatsOptions['servers'] {
  try {
    return parseNatsUrls(given.text);
  } catch (error) {
    if (error instanceof NatsUrlError) throw new PubSubError('invalid', `${given.name}: ${error.message}`);
    throw error;
  }
}

function clusterNameOf(given: Given): string {
  if (isClusterName(given.text)) return given.text;
  throw invalid(given, `must be ${clusterNameRule}, not "${given.text}"`);
}

/** By default that of the machine. */
function nodeNameOf(given: Given | undefined): string {
  const name = given?.text ?? hostname();
  if (/^[\x21-\x7e]{1,100}$/.test(name)) return name;
  if (given === undefined) return 'node'; // a machine may have any name
  throw invalid(given, 'must be 1 to 100 visible ASCII characters without spaces');
}

async function checkCredentials(given: Given): Promise<void> {
  const text = (await read(given)).toString('latin1').trim();
  const isCreds = text.includes('BEGIN NATS USER JWT') && text.includes('NKEY SEED');
  if (!isCreds && !/^SU[A-Z2-7]{50,}$/.test(text)) {
    throw invalid(given, `names ${given.text}, which is neither a .creds file nor the seed of a user's nkey`);
  }
}

async function checkTls(ca: Given | undefined, cert: Given | undefined, key: Given | undefined): Promise<void> {
  if ((cert === undefined) !== (key === undefined)) {
    const [given, missing] = cert === undefined ? [key, '--nats-cert'] : [cert, '--nats-key'];
    throw invalid(given!, `is given without ${missing}: a client certificate and its key are needed together`);
  }
  if (ca !== undefined) {
    const authorities = await read(ca);
    check(ca, () => new X509Certificate(authorities)); // node:tls passes over what is none
  }
  if (cert !== undefined && key !== undefined) {
    const pair = { cert: await read(cert), key: await read(key) };
    check(cert, () => createSecureContext(pair));
  }
}

function check(given: Given, use: () => unknown): void {
  try {
    use();
  } catch (error) {
    throw invalid(given, `names ${given.text}, which cannot be used for TLS: ${reasonOf(error)}`);
  }
}

async function read(given: Given): Promise<Buffer> {
  try {
    return await readFile(given.text);
  } catch (error) {
    throw invalid(given, `names ${given.text}, which cannot be read (${codeOf(error)})`);
  }
}

function invalid(given: Given, problem: string): PubSubError {
  return new PubSubError('invalid', `${given.name} ${problem}`);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
