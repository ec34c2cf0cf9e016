import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startServiceNodes } from '../support/service-nodes.js';
import { remoteApp, yamlOf } from './apps.js';
import { type Checkout, prepareHttpNode, preparePusherJs, type Repository } from './checkouts.js';
import { type Counts, countsOfJasmine, countsOfMocha } from './counts.js';
import { inPrivateNamespace } from './namespace.js';
import { outputOf } from './programs.js';

/** One suite of a repository. */
export interface Suite {
  readonly repository: Repository;
  readonly name: string;
  /** Specs that it had when it was last looked at: fewer would mean that some were not found. */
  readonly specs: number;
  /** @throws when it cannot be run here, with what is missing */
  run(checkout: Checkout): Promise<Counts>;
}

export const suites: readonly Suite[] = [
  {
    repository: 'pusher-http-node',
    name: 'offline specs',
    specs: 129,
    run: async checkout => mocha(await prepareHttpNode(checkout), 'tests/integration/**/*.js', {}),
  },
  {
    repository: 'pusher-http-node',
    name: 'remote specs',
    specs: 7,
    async run(checkout) {
      const folder = await prepareHttpNode(checkout);
      const service = await startServiceNodes(yamlOf([remoteApp]));
      try {
        const { id, key, secret } = remoteApp;
        const PUSHER_URL = `http://${key}:${secret}@127.0.0.1:${new URL(service.publicUrl).port}/apps/${id}`;
        return await mocha(folder, 'tests/remote/**/*.js', { PUSHER_URL });
      } finally {
        await service.stop();
      }
    },
  },
  {
    repository: 'pusher-js',
    name: 'integration specs',
    specs: 84,
    async run(checkout) {
      const { folder, jasmine, helper } = await preparePusherJs(checkout);
      return countsOfJasmine(
        await inPrivateNamespace(new URL('integration.ts', import.meta.url), [folder, jasmine, helper]),
      );
    },
  },
];

async function mocha(folder: string, specs: string, env: Readonly<Record<string, string>>): Promise<Counts> {
  const report = join(folder, '.report.json');
  const args = ['--reporter', 'json', '--reporter-option', `output=${report}`, specs];
  await outputOf(join(folder, 'node_modules/.bin/mocha'), args, { cwd: folder, env: { ...process.env, ...env } });
  return countsOfMocha(await readFile(report, 'utf8'));
}
