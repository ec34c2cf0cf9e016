import { readFileSync } from 'node:fs';
import { startManagementStage } from './management/stage.js';
import { managementSuites } from './management/suites.js';
import { startPusherStage } from './pusher/stage.js';
import { clientSuites, isOfClients, serverSuites } from './pusher/suites.js';
import type { Feature } from './report.js';
import { type Stage, startStage } from './stage.js';
import { type Suite, suites } from './suites.js';

/** The SDKs of one vendor, with what they are checked for. */
export interface Family {
  readonly name: string;
  /** What is checked: a sentence of the document. */
  readonly about: string;
  readonly features: readonly Feature[];
  readonly suites: readonly Suite[];
  /** Starts the service and what else its suites need. */
  start(): Promise<Stage>;
}

function featuresIn(file: string): readonly Feature[] {
  const { features } = JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as { features: Feature[] };
  return features;
}

const pusherFeatures = featuresIn('pusher/features.json');

export const families: readonly Family[] = [
  {
    name: 'Azure Web PubSub',
    about: 'What the SDKs of Azure Web PubSub do with Hubwire when only the connection string changes.',
    features: featuresIn('features.json'),
    suites,
    start: startStage,
  },
  {
    name: 'Azure Web PubSub, management',
    about:
      'What the management SDK does with the admin listener over HTTPS: each call is one request. `@azure/arm-webpubsub` does the same in `test/conformance/management-sdk.test.ts`.',
    features: featuresIn('management/features.json'),
    suites: managementSuites,
    start: startManagementStage,
  },
  {
    name: 'Pusher, server libraries',
    about: 'What the server libraries of Pusher do with Hubwire when only host, port, key and secret change.',
    features: pusherFeatures.filter(({ name }) => !isOfClients(name)),
    suites: serverSuites,
    start: startPusherStage,
  },
  {
    name: 'Pusher, clients',
    about: 'The same of its JavaScript client, and of Laravel Echo on top of it.',
    features: pusherFeatures.filter(({ name }) => isOfClients(name)),
    suites: clientSuites,
    start: startPusherStage,
  },
];
