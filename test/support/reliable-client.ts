import type { StartedHub } from './start-hub.js';
import type { DialOptions, TestClient } from './test-client.js';

export const reliableProtocol = 'json.reliable.webpubsub.azure.v1';

/** What a client keeps of its session, besides its socket. */
export interface Session {
  readonly connectionId: string;
  readonly token: string;
}

export interface OpenedSession extends Session {
  readonly client: TestClient;
}

/** A reliable client that is let in; its `connected` message is taken. */
export async function openSession({ dial }: StartedHub, options: DialOptions = {}): Promise<OpenedSession> {
  const client = await dial({ protocols: [reliableProtocol], ...options });
  const { connectionId, reconnectionToken: token } = await client.next();
  return { client, connectionId, token };
}

/** The query parameters with which a client takes its session up again. */
export function recoveryQuery({ connectionId, token }: Session): string {
  return `awps_connection_id=${encodeURIComponent(connectionId)}&awps_reconnection_token=${encodeURIComponent(token)}`;
}

/** A new socket for the session, as clients open it: without another access token. Nothing of what it hears is taken. */
export function takeUp({ dial }: StartedHub, session: Session, options: DialOptions = {}): Promise<TestClient> {
  return dial({ protocols: [reliableProtocol], token: null, query: recoveryQuery(session), ...options });
}

/** The code with which the service ends an attempt to recover; the attempt's upgrade must succeed. */
export async function recoveryCloseCode(hub: StartedHub, session: Session, options: DialOptions = {}): Promise<number> {
  const client = await takeUp(hub, session, options);
  const { code } = await client.closed;
  if (client.rest.length > 0) throw new Error('something was said to a client that cannot recover');
  return code;
}

/** The next `count` messages as pairs of sequence id and data. */
export async function nextNumbered(client: TestClient, count: number): Promise<[number, unknown][]> {
  const numbered: [number, unknown][] = [];
  for (let taken = 0; taken < count; taken += 1) {
    const { sequenceId, data } = await client.next();
    numbered.push([sequenceId, data]);
  }
  return numbered;
}
