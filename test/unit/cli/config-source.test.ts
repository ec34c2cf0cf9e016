import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findHubs } from '../../../src/cli/config-source.js';
import { makeLogger } from '../../../src/logging.js';
import { natsOptions } from '../../support/nats-link.js';

const log = makeLogger('silent');
const nats = natsOptions(['nats://127.0.0.1:1']);

describe('[CL-111] where the hubs are', () => {
  test('is a file, unless it is said otherwise', async () => {
    const path = resolve('other.yaml');
    const file = { path, namedBy: '--hubs', isMissing: false };
    expect(await findHubs({ hubs: 'other.yaml' }, {}, undefined, log)).toEqual(file);
    expect(await findHubs({ hubs: 'other.yaml' }, { HUBWIRE_CONFIG: 'file' }, nats, log)).toEqual(file);
  });

  test.each([
    [{ config: 'nats' }, undefined, '--config nats needs --nats (or HUBWIRE_NATS)'],
    [{ config: 'nats', hubs: 'other.yaml' }, nats, '--hubs is given with --config nats: choose one of them'],
    [{ config: 'consul' }, nats, '--config must be one of file, nats, not "consul"'],
  ])('%j with %s is refused', async (flags, servers, message) => {
    await expect(findHubs(flags, {}, servers, log)).rejects.toThrow(message);
  });
});
