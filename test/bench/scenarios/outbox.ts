import { OwnWorkLoad } from '../load/own-work-load.js';
import { batchSize, contentBytes } from '../servers/outbox-batch.js';
import { type Contender, ofLimit, type Scenario } from './scenario.js';

export const outbox: Scenario = {
  name: 'outbox',
  title: `envelopes of ${contentBytes} bytes kept on disk, ${batchSize} with one fsync`,
  unit: 'envelopes',
  series: [
    {
      name: 'accepted, file',
      goals: [ofLimit(0.5)],
      isInSmoke: true,
      open: async stage => {
        const contender = async (name: string, file: string): Promise<Contender> => {
          const server = await stage.script(name, new URL(`../servers/${file}`, import.meta.url), stage.folder());
          return { name, server, load: new OwnWorkLoad(server) };
        };
        return {
          subject: await contender('hubwire', 'outbox.ts'),
          limit: await contender('minimal loop', 'minimal-outbox.ts'),
        };
      },
    },
  ],
};
