import type { ConnectReply, ConnectRequest, LedgerLine } from '../hub/ports.js';
import type { EventsRecord } from '../hub/session.js';
import { HandledEvents } from './connection-events.js';
import type { EventContext } from './context.js';
import type { EventSender } from './event-sender.js';

/** An app, and the hub whose event handlers are told of its clients. */
export interface ToldApp {
  readonly app: string;
  /** Canonical name. */
  readonly hub: string;
}

/** What other parts of a reply would change is signed by the app server of a Pusher client: channels, and what it may do there. */
const ignored = ['roles', 'groups', 'subprotocol'] as const satisfies readonly (keyof ConnectReply)[];

/**
 * Events of one Pusher client, to the handlers of a hub: `connect`, `connected` and `disconnected`. Its channels are no
 * groups of the hub, so that `joined` and `left` are not sent. [pusher-webhooks 5.2, 5.4]
 */
export class AppEvents extends HandledEvents {
  readonly #app: ToldApp;
  readonly #sender: EventSender;

  constructor(
    context: EventContext,
    sender: EventSender,
    app: ToldApp,
    connectionId: string,
    record: EventsRecord | undefined,
    line?: LedgerLine,
  ) {
    super(context, sender, app.hub, connectionId, record, line);
    this.#app = app;
    this.#sender = sender;
  }

  /** The claim `app` tells the handler that this is a client of the app; it has no token. */
  override connect(request: ConnectRequest): Promise<ConnectReply> | undefined {
    const { departed } = request;
    const { query, headers, subprotocols, clientCertificates } = request;
    const claims = { app: [this.#app.app] };
    const told = { userId: undefined, claims, query, headers, subprotocols, clientCertificates, departed };
    return super.connect(told);
  }

  override joined(): void {}

  override left(): void {}

  protected override accepted(reply: ConnectReply): ConnectReply {
    const given = ignored.filter(name => reply[name] !== undefined);
    if (given.length > 0) {
      const warning = `the answer to connect of app ${this.#app.app} contains ${given.join(', ')}, which have no effect for Pusher clients: only userId has`;
      this.#sender.warn(this.#app.hub, warning);
    }
    return { userId: reply.userId, roles: undefined, groups: undefined, subprotocol: undefined };
  }
}
