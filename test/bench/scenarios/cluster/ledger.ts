import { OwnWorkLoad } from '../../load/own-work-load.js';
import { perStep } from '../../servers/ledger-entries.js';
import { natsMissing, natsUrl, startNats } from '../../servers/nats.js';
import type { Stage } from '../../servers/stage.js';
import type { Contender, Scenario } from '../scenario.js';

/** What a node writes down for whoever speaks for it when it is gone. [cluster 6.1] [CL-061] */
export const ledger: Scenario = {
  name: 'cluster-ledger',
  title: `opens and closes written to the ledger in NATS, ${(2 * perStep * 1_000).toLocaleString('en')} a second at most`,
  unit: 'opens and closes',
  missing: natsMissing,
  series: [
    {
      name: `${perStep} of each per millisecond`,
      goals: [], // one needs figures of a quiet machine
      open: async stage => ({
        subject: await contender(stage, 'hubwire', 'ledger.ts'),
        limit: await contender(stage, 'minimal loop', 'minimal-ledger.ts'),
      }),
    },
  ],
};

async function contender(stage: Stage, name: string, file: string): Promise<Contender> {
  const nats = await startNats(stage);
  const server = await stage.script(name, new URL(`../../servers/${file}`, import.meta.url), natsUrl(nats));
  return { name, server, nats, load: new OwnWorkLoad(server) };
}
