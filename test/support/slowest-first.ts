import { basename } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Files that take half a minute or more, of unit tests ten seconds: one that starts last keeps a single worker busy when the others
 * have no work left. Vitest remembers durations, but a clean checkout has none.
 */
const slowest = [
  // Those that wait for the most part are between those that compute.
  ...['container', 'nats-backplane', 'outbox-crash', 'webhooks-restart', 'package', 'docs', 'nats-config', 'cli'],
  ...['workers', 'examples', 'nats-service', 'nats-webhooks-death', 'nats-start', 'cli-requests', 'shutdown'],
  ...['nats-takeover', 'outbox-nats-crash', 'rest-sdk-names'],
  ...['edit-text.property', 'protobuf-properties', 'simulation', 'wire', 'file-store', 'hand-over', 'hs256'],
];

/** Starts the slowest files of each project first. */
export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const projects = [...new Set(sorted.map(({ project }) => project))];
    return projects.flatMap(project =>
      sorted.filter(file => file.project === project).toSorted((a, b) => placeOf(a) - placeOf(b)),
    );
  }
}

function placeOf({ moduleId }: TestSpecification): number {
  const place = slowest.indexOf(basename(moduleId, '.test.ts'));
  return place === -1 ? slowest.length : place;
}
