import { IdleLoad } from '../load/idle-load.js';
import { json } from '../load/protocols.js';
import { clientsThatFit } from '../servers/open-files.js';
import type { ServerProcess } from '../servers/server-process.js';
import type { Stage } from '../servers/stage.js';
import { clientUrl, hub } from '../servers/urls.js';
import type { Contender, Scenario } from './scenario.js';

const connections = clientsThatFit(20_000);

/** Seconds between pings; a slice is as long, so that each holds as many of them. */
const keepAliveSeconds = 4;

export const idle: Scenario = {
  name: 'idle',
  title: `${connections.toLocaleString('en')} clients that only answer pings, one each ${keepAliveSeconds} s`,
  unit: 'pings',
  series: [
    {
      name: 'memory and processor time',
      goals: [
        { metric: 'bytesPerConnection', against: 'limit', most: 1.3 },
        { metric: 'serverShare', against: 'limit', most: 1.5 },
      ],
      sliceMs: keepAliveSeconds * 1_000,
      isTogether: true,
      open: async stage => {
        const server = await stage.hubwire(
          `hubs:\n  ${hub}:\n    webSocketKeepAliveIntervalInSeconds: ${keepAliveSeconds}\n`,
        );
        const minimal = await stage.minimal('minimal-idle.ts', String(keepAliveSeconds * 1_000));
        return {
          subject: await contender('hubwire', stage, server, clientUrl(server, { sub: 'client' }), json.subprotocol),
          limit: await contender('bare ws', stage, minimal, `${minimal.listening.public}/`, undefined),
        };
      },
    },
  ],
};

async function contender(
  name: string,
  stage: Stage,
  server: ServerProcess,
  url: string,
  subprotocol: string | undefined,
): Promise<Contender> {
  const bytesBefore = server.residentBytes();
  const load = await IdleLoad.connect(url, connections, subprotocol);
  stage.onEnd(() => load.close());
  return { name, server, load, idle: { connections, bytesBefore } };
}
