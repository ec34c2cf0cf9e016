import { randomUUID } from 'node:crypto';
import type { CancelSignal } from '../cancellation.js';
import { noBody, type Response } from '../egress/exchange.js';
import type { EventKind } from '../hub/facts.js';
import type { ConnectionEvents, ConnectReply, ConnectRequest, LedgerChange, LedgerLine } from '../hub/ports.js';
import type { EventsRecord } from '../hub/session.js';
import type { Payload } from '../protocols/messages.js';
import { connectBodyLimit, readConnectReply, requireOffered } from './connect-reply.js';
import type { EventContext } from './context.js';
import { Cookies } from './cookies.js';
import { connectBody, connectedContent, json, largeState, percentInUserId } from './event-contents.js';
import { ConnectionHeaders, userContentTypes } from './event-headers.js';
import type { EventRecord } from './event-record.js';
import { eventBodyLimit, readEventReply } from './event-reply.js';
import type { Content, EventPlan, EventSender, RaisedEvent } from './event-sender.js';
import { type LedgerEntry, whenKept } from './kept-posts.js';
import { Notifications } from './notifications.js';
import { aboutAnswer, isSuccess, largeStateBytes, linesOf, replyState, requireSuccess } from './reply.js';
import type { Gate } from './retries.js';
import type { EventHandler } from './routes.js';
import type { UrlTarget } from './url-template.js';

/** One connection's event history: its `ce-id` counter, state and cookies. [upstream-events 2.3, 3.5, 6.4] */
export class HandledEvents implements ConnectionEvents {
  readonly #context: EventContext;
  readonly #sender: EventSender;
  readonly #hub: string;
  readonly #connectionId: string;
  /** 0 is reserved for `connect`, whether it is sent or not. [upstream-events 2.3] */
  #nextId = 1;
  #userId: string | undefined;
  #subprotocol: string | undefined;
  #state: string | undefined;
  /** Made for the first one that is sent. */
  #notifications: Notifications | undefined;
  /** Most connections never get one. */
  #cookies: Cookies | undefined;
  /** Made for the first event that is sent, and again when a key has changed; `#headers` is made more often. */
  #signature: string | undefined;
  #signatureVersion: unknown;
  /** `hub` is the spelling it was made with, `origin` what the service was called then. */
  #headers: { readonly hub: string; readonly origin: string; readonly template: ConnectionHeaders } | undefined;

  /** Undefined where this node is alone, and for connections of a node that is gone. */
  readonly #line: LedgerLine | undefined;
  readonly #gate: Gate | undefined;
  #isOpened = false;
  /** Of a node that is gone: what is posted of it is waited for. */
  #isConcluding = false;
  /** Nothing of it is recorded any more but its end. */
  #isEnded = false;

  /** @throws TypeError for a record that does not contain cookies where it should */
  constructor(
    context: EventContext,
    sender: EventSender,
    hub: string,
    connectionId: string,
    record?: EventsRecord,
    line?: LedgerLine,
  ) {
    this.#context = context;
    this.#line = line;
    this.#gate = line && (() => line.allows());
    this.#sender = sender;
    this.#hub = hub;
    this.#connectionId = connectionId;
    if (record === undefined) return;
    this.#know(record.userId, record.subprotocol);
    this.#nextId = record.nextId;
    this.#state = record.state;
    if (record.cookies.length > 0) this.#cookies = Cookies.from(record.cookies);
  }

  record(): EventsRecord {
    return {
      userId: this.#userId,
      subprotocol: this.#subprotocol,
      nextId: this.#nextId,
      state: this.#state,
      cookies: this.#cookies?.record() ?? [],
    };
  }

  whenNotified(): Promise<void> | undefined {
    return this.#notifications?.whenSent();
  }

  connect(request: ConnectRequest): Promise<ConnectReply> | undefined {
    const handler = this.#context.find(this.#hub, 'connect', 'connect');
    if (!handler) return undefined;
    this.#know(request.userId, undefined);
    const event = this.#raise('connect', 'connect', 0, json(connectBody(request)), request.departed);
    return this.#sender.send(event, handler, {
      headers: target => this.headersFor(event, handler, target),
      bodyLimit: connectBodyLimit,
      read: (response, target) =>
        this.read(response, target, event, handler, () => {
          const warn = (warning: string) => this.#sender.warn(handler.hub, warning);
          return this.accepted(readConnectReply(response, event, handler, request, warn), request);
        }),
    });
  }

  /** What of the reply has an effect. @throws PubSubError `eventFailed` when the client could not accept it */
  protected accepted(reply: ConnectReply, request: ConnectRequest): ConnectReply {
    requireOffered(reply, request);
    return reply;
  }

  /** Sets the user and subprotocol that later events contain. `""` is an anonymous user. */
  identify(userId: string | undefined, subprotocol: string | undefined): void {
    this.#know(userId, subprotocol);
  }

  /**
   * A notification, as are `disconnected`, `joined` and `left`: no caller waits for it, and its response is not used. Posted
   * once the ledger has the connection. [cluster 6.1]
   */
  connected(): void {
    const id = this.#nextId++; // taken whether it is sent or not [upstream-events 2.3]
    const handler = this.#context.find(this.#hub, 'connected', 'connected');
    const isKept = this.#line && this.#open(this.#line, handler !== undefined);
    if (handler) this.#send(this.#raise('connected', 'connected', id, connectedContent), handler, isKept && { isKept });
  }

  /** `left` of each of its groups comes next. */
  ended(): void {
    this.#isEnded = true;
  }

  /** The last call. Posted once the ledger has its `ce-id`. */
  disconnected(reason: string): void {
    const line = this.#line;
    if (line !== undefined && !this.#isOpened) void this.#open(line, true); // it was accepted, and never opened [upstream-events D39]
    const id = this.#nextId++;
    const handler = this.#context.find(this.#hub, 'disconnected', 'disconnected');
    if (!handler) {
      line?.ended(false);
      return;
    }
    const event = this.#raise('disconnected', 'disconnected', id, json({ reason }));
    this.#send(event, handler, line && { isKept: line.ending(id), onOver: () => line.ended(true) });
  }

  /**
   * For a connection of a node that is gone: `left` of its groups, then `disconnected`. Settles once both are over.
   * @param eventId `ce-id` of its `disconnected`; those of the others come right before it
   */
  async conclude(groups: readonly string[], eventId: number, reason: string): Promise<void> {
    const told = groups.filter(group => this.#context.find(this.#hub, 'left', group) !== undefined);
    this.#isConcluding = true;
    this.#nextId = eventId - told.length;
    for (const group of told) this.left(group);
    this.disconnected(reason);
    await this.whenNotified();
  }

  /** What has come before is part of it. */
  #open(line: LedgerLine, isPosted: boolean): Promise<boolean> | undefined {
    this.#isOpened = true;
    const isTold = isPosted || this.#context.find(this.#hub, 'disconnected', 'disconnected') !== undefined;
    const isKept = line.opened({ userId: this.#userId, subprotocol: this.#subprotocol }, isTold);
    if (this.#state !== undefined) this.#change({ kind: 'fact', state: this.#state });
    if (this.#cookies !== undefined) this.#change({ kind: 'cookies', cookies: this.#cookies.record() });
    return isKept;
  }

  /** Kept where `disconnected` is posted, which then has it. */
  #change(change: LedgerChange): void {
    if (this.#line === undefined || !this.#isOpened || this.#isEnded) return;
    if (this.#context.find(this.#hub, 'disconnected', 'disconnected')) void this.#line.changed(change);
  }

  event(name: string, payload: Payload, signal?: CancelSignal): Promise<Payload | undefined> {
    const content = { type: userContentTypes[payload.dataType], body: payload.bytes, metadata: payload.metadata };
    const event = this.#raise('user', name, this.#nextId++, content, signal);
    const handler = this.#context.find(this.#hub, 'user', name);
    if (!handler) return Promise.reject(this.#sender.unhandled(event));
    return this.#sender.send(event, handler, new UserEvent(this, event, handler));
  }

  /** If a handler is configured for it, as for `left`. [upstream-events 2.9] */
  joined(group: string): void {
    this.#tellPresence('joined', group);
    this.#changeGroup('joined', group);
  }

  /** Also because the connection ended. */
  left(group: string): void {
    this.#tellPresence('left', group);
    this.#changeGroup('left', group);
  }

  /** Kept where `left` is posted. */
  #changeGroup(kind: 'joined' | 'left', group: string): void {
    if (this.#line === undefined || this.#isEnded) return;
    if (this.#context.find(this.#hub, 'left', group)) void this.#line.changed({ kind, group });
  }

  /** Takes an id only for an event that is sent: presence that is not configured must leave no gap in the ids. [upstream-events D27] */
  #tellPresence(kind: 'joined' | 'left', group: string): void {
    const handler = this.#context.find(this.#hub, kind, group);
    if (handler) this.#send(this.#raise(kind, kind, this.#nextId++, json({ group })), handler);
  }

  /** No caller waits for the response, and only its cookies are used. */
  #send(event: RaisedEvent, handler: EventHandler, entry?: LedgerEntry): void {
    const isDurable = this.#sender.durable?.takes(handler) === true;
    const record = isDurable ? this.#record(event) : undefined;
    const post = () => (record === undefined ? this.#post(event, handler) : this.#sender.keep(record, handler));
    if (isDurable && entry === undefined && !this.#isConcluding) {
      void post();
      return;
    }
    this.#notifications ??= new Notifications(this.#sender);
    this.#notifications.add(entry === undefined ? post : () => whenKept(entry, post));
  }

  #post(event: RaisedEvent, handler: EventHandler): Promise<void> {
    const sent = this.#sender.send(event, handler, {
      headers: target => this.headersFor(event, handler, target),
      bodyLimit: () => noBody,
      read: (response, target) => {
        this.#storeCookies(response, target, event, handler);
        requireSuccess(response, event, handler);
      },
    });
    // The sender has reported the failure, and no client waits for a notification.
    return sent.catch(() => {});
  }

  #record({ content, hub, connectionId, kind, name, id, time, state }: RaisedEvent): EventRecord {
    return {
      hub,
      connectionId,
      kind,
      name,
      id,
      time,
      userId: this.#userId,
      subprotocol: this.#subprotocol,
      state,
      contentType: content.type,
      body: content.body.toString('utf8'),
    };
  }

  #raise(kind: EventKind, name: string, id: number, content: Content, signal?: CancelSignal): RaisedEvent {
    const time = this.#context.time();
    return {
      hub: this.#hub,
      connectionId: this.#connectionId,
      kind,
      name,
      id,
      time,
      state: this.#state,
      content,
      signal,
      gate: this.#gate,
    };
  }

  #know(userId: string | undefined, subprotocol: string | undefined): void {
    if (userId === this.#userId && subprotocol === this.#subprotocol) return;
    this.#userId = userId;
    this.#subprotocol = subprotocol;
    this.#headers = undefined;
  }

  /** @throws PubSubError `eventFailed` when the event cannot be sent in headers */
  headersFor(event: RaisedEvent, handler: EventHandler, target: UrlTarget): string[] {
    return this.#template(handler.hub).forEvent({
      kind: event.kind,
      name: event.name,
      id: event.id,
      time: event.time,
      requestId: randomUUID(),
      contentType: event.content.type,
      state: event.state,
      cookies: this.#cookies?.header(target.origin + target.path),
      metadata: event.content.metadata,
    });
  }

  #template(hub: string): ConnectionHeaders {
    const { sign, settings } = this.#context;
    const { origin } = settings;
    if (this.#signature === undefined || this.#signatureVersion !== sign.version) {
      this.#signature = sign(this.#connectionId);
      this.#signatureVersion = sign.version;
      this.#headers = undefined;
    }
    if (this.#headers?.hub === hub && this.#headers.origin === origin) return this.#headers.template;
    const template = new ConnectionHeaders({
      hub,
      connectionId: this.#connectionId,
      userId: this.#userId,
      subprotocol: this.#subprotocol,
      signature: this.#signature,
      origin,
    });
    this.#headers = { hub, origin, template };
    if (this.#userId?.includes('%')) this.#sender.warn(hub, percentInUserId);
    return template;
  }

  /** Reads the response to a blocking event; only a valid one sets the state. [upstream-events 3.5] */
  read<T>(
    response: Response,
    target: UrlTarget,
    event: RaisedEvent,
    handler: EventHandler,
    read: (response: Response, event: RaisedEvent, handler: EventHandler) => T,
  ): T {
    this.#storeCookies(response, target, event, handler);
    const reply = read(response, event, handler);
    const state = replyState(response.headers);
    if (state !== undefined) this.#keepState(state, event, handler);
    return reply;
  }

  #keepState(state: string, event: RaisedEvent, handler: EventHandler): void {
    this.#state = state;
    this.#change({ kind: 'fact', state });
    if (state.length > largeStateBytes) this.#warn(event, handler, largeState);
  }

  #storeCookies(response: Response, target: UrlTarget, event: RaisedEvent, handler: EventHandler): void {
    const lines = linesOf(response.headers, 'set-cookie');
    if (lines.length === 0 || !isSuccess(response.status)) return;
    this.#cookies ??= new Cookies();
    for (const warning of this.#cookies.store(lines, target.origin + target.path)) this.#warn(event, handler, warning);
    if (this.#line !== undefined) this.#change({ kind: 'cookies', cookies: this.#cookies.record() });
  }

  #warn(event: RaisedEvent, handler: EventHandler, warning: string): void {
    this.#sender.warn(handler.hub, aboutAnswer(event, handler, warning));
  }
}

/** A class: closures need more memory, and an event of each client may wait in a queue. */
class UserEvent implements EventPlan<Payload | undefined> {
  readonly bodyLimit = eventBodyLimit;
  readonly #events: HandledEvents;
  readonly #event: RaisedEvent;
  readonly #handler: EventHandler;

  constructor(events: HandledEvents, event: RaisedEvent, handler: EventHandler) {
    this.#events = events;
    this.#event = event;
    this.#handler = handler;
  }

  headers(target: UrlTarget): string[] {
    return this.#events.headersFor(this.#event, this.#handler, target);
  }

  read(response: Response, target: UrlTarget): Payload | undefined {
    return this.#events.read(response, target, this.#event, this.#handler, readEventReply);
  }
}
