import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { startServiceNodes } from '../support/service-nodes.js';
import { listen, UnsteadyProxy } from './unsteady-proxy.js';

/** What every suite gets in its environment. */
export interface Stage {
  readonly environment: Readonly<Record<string, string>>;
  /** What the service logged, for a run that went wrong. */
  readonly log: () => string;
  stop(): Promise<void>;
}

/** One service with hub `sdks`, the app server of its events, and a way to it that breaks on command. */
export async function startStage(): Promise<Stage> {
  const proxy = new UnsteadyProxy();
  const app = createServer((request, response) => void answer(request, response, proxy));
  const appPort = await listen(app);
  const service = await startServiceNodes(hubsYaml(`http://127.0.0.1:${appPort}/events`));
  const proxyPort = await proxy.listen(Number(new URL(service.publicUrl).port));
  return {
    environment: {
      HUBWIRE_CONNECTION_STRING: service.connectionString,
      HUBWIRE_UNSTEADY_ENDPOINT: `http://localhost:${proxyPort}`,
      HUBWIRE_CONTROL_URL: `http://127.0.0.1:${appPort}`,
    },
    log: service.log,
    async stop() {
      await service.stop();
      proxy.close();
      app.closeAllConnections();
      app.close();
    },
  };
}

function hubsYaml(urlTemplate: string): string {
  return `hubs:\n  sdks:\n    eventHandlers:\n      - { urlTemplate: "${urlTemplate}", userEventPattern: "*" }\n`;
}

/** Event `refuse` fails; every other event gets its own body back. `/cut` and `/mend` are for the suites. */
async function answer(request: IncomingMessage, response: ServerResponse, proxy: UnsteadyProxy): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (request.method === 'OPTIONS') response.writeHead(200, { 'WebHook-Allowed-Origin': '*' }).end();
  else if (request.url === '/cut') proxy.cut(() => response.writeHead(204).end());
  else if (request.url === '/mend') proxy.mend(() => response.writeHead(204).end());
  else if (request.headers['ce-eventname'] === 'refuse') response.writeHead(400).end('no');
  else
    response
      .writeHead(200, { 'Content-Type': request.headers['content-type'] ?? 'application/octet-stream' })
      .end(Buffer.concat(chunks));
}
