import { MemoryBus } from '../../src/backplane/memory.js';
import type { OutgoingRequest } from '../../src/egress/destination.js';
import type { Answer } from '../../src/egress/exchange.js';
import type { Permission } from '../../src/hub/commands.js';
import type { Connection } from '../../src/hub/connection.js';
import { endings } from '../../src/hub/endings.js';
import { Hubs } from '../../src/hub/hubs.js';
import { observers } from '../../src/hub/observers.js';
import type { Backplane, Observer, Upstream } from '../../src/hub/ports.js';
import { readSession, writeSession } from '../../src/hub/session.js';
import { Slices } from '../../src/hub/slices.js';
import { Watches } from '../../src/hub/watches.js';
import type { Protocol } from '../../src/protocols/protocol.js';
import { json } from '../../src/protocols/webpubsub/json/index.js';
import { HandledEvents } from '../../src/upstream/connection-events.js';
import { EventContext } from '../../src/upstream/context.js';
import { EventSender } from '../../src/upstream/event-sender.js';
import { notify } from '../../src/upstream/notify.js';
import { defaultDelivery, type EventHandlerOptions } from '../../src/upstream/options.js';
import { Routes } from '../../src/upstream/routes.js';
import { Validation } from '../../src/upstream/validation.js';
import { type ClientCall, jsonCall, protobufCall } from './client-requests.js';
import { RecordingOutlet, readableTokens, settled, textPayload } from './fake-ports.js';
import { ManualClock } from './manual-clock.js';
import { type Recorded, RecordingObserver } from './recording-observer.js';

/** How the app server answers a user event. */
export interface AppAnswer {
  readonly status: 200 | 204 | 400;
  readonly state?: string | undefined;
  readonly cookie?: string | undefined;
}

/** The app server of all nodes: keeps what it gets, and answers user events when it is told to. */
class ModelApp {
  /** By connection: only those of one connection have an order. */
  readonly requests: Record<string, string[]> = {};
  readonly #pending: ((answer: Answer) => void)[] = [];

  readonly send = (request: OutgoingRequest): Promise<Answer> => {
    const from = request.headers[request.headers.indexOf('ce-connectionId') + 1]!;
    this.requests[from] ??= [];
    this.requests[from].push(textOf(request));
    if (!request.path.endsWith('/e')) return Promise.resolve(responseOf({ status: 204 }));
    return new Promise(resolve => {
      this.#pending.push(resolve);
      request.signal?.addEventListener('abort', () =>
        resolve({ kind: 'failure', failure: 'cancelled', code: undefined }),
      );
    });
  };

  get waiting(): number {
    return this.#pending.length;
  }

  answer(answer: AppAnswer): void {
    this.#pending.shift()?.(responseOf(answer));
  }
}

/** Without what differs at each sending. */
function textOf({ path, headers, body }: OutgoingRequest): string {
  const pairs = headers.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${headers[index + 1]}`] : []));
  const kept = pairs.filter(pair => !pair.startsWith('x-ms-client-request-id'));
  return [path, ...kept, body?.toString('utf8')].join('\n');
}

function responseOf({ status, state, cookie }: AppAnswer): Answer {
  const headers = {
    ...(status === 200 && { 'content-type': 'text/plain' }),
    ...(state !== undefined && { 'ce-connectionstate': state }),
    ...(cookie !== undefined && { 'set-cookie': cookie }),
  };
  return { kind: 'response', status, headers, body: Buffer.from(status === 200 ? 'reply' : '') };
}

const handler: EventHandlerOptions = {
  urlTemplate: 'http://app.test/{event}',
  systemEvents: ['connected', 'disconnected'],
  userEventPattern: '*',
  groupPresenceEvents: { eventNames: ['joined', 'left'], groupFilters: [] },
  auth: { type: 'None' },
};

/** A node with everything real but sockets, HTTP and time. */
class ModelNode {
  readonly clock = new ManualClock();
  readonly #hubs: Hubs;
  readonly #upstream: Upstream;

  /** @param aheadMs of its monotonic clock */
  constructor(backplane: Backplane, app: ModelApp, observer: Observer, aheadMs: number) {
    const { clock } = this;
    clock.pause(aheadMs);
    clock.stepWall(-aheadMs);
    const validation = new Validation({
      clock,
      check: async () => ({ isValid: true, answered: 'yes' }),
      changed: () => {},
    });
    const routes = new Routes([{ hub: 'chat', eventHandlers: [handler] }], () => validation);
    const context = new EventContext({ routes, delivery: defaultDelivery, origin: 'test' }, () => 'signature', clock);
    const all = observers(observer, { tell: notify });
    const tokens = { token: async () => '' };
    const sender = new EventSender({ context, tokens, clock, observer: all, watches: undefined, transport: app });
    this.#upstream = { open: (hub, id, record) => new HandledEvents(context, sender, hub, id, record) };
    this.#hubs = new Hubs({
      upstream: this.#upstream,
      backplane,
      observer: all,
      watches: new Watches((where, error) => observer.fault(where, error)),
      clock,
      turn: { atEnd: task => task() },
      slices: new Slices({ monotonicMs: () => 0, nextTurn: task => void setImmediate(task) }),
      reconnectionTokens: readableTokens,
      recoveryWindowMs: () => 30_000,
      dropsOnEventFailure: () => false,
      membershipsPerCall: () => 1_000,
    });
  }

  get chat() {
    return this.#hubs.get('chat');
  }

  open(id: string, protocol: Protocol, roles: readonly string[], groups: readonly string[]) {
    const outlet = new RecordingOutlet();
    const upstream = this.#upstream.open('chat', id);
    const admission = {
      connectionId: id,
      userId: `user-${id}`,
      roles,
      groups,
      subprotocol: protocol.name.toUpperCase(),
      protocol,
      upstream,
    };
    return { outlet, connection: this.chat.lifecycle.open(admission, outlet) };
  }
}

/** What may happen to a session. */
export type Happening =
  | { readonly does: 'client'; readonly call: ClientCall }
  | { readonly does: 'lose' | 'recover' | 'handOver' }
  | { readonly does: 'pass'; readonly ms: number }
  | { readonly does: 'answer'; readonly answer: AppAnswer }
  | {
      readonly does: 'send';
      readonly to: 'all' | 'group' | 'user' | 'connection';
      readonly times: number;
      readonly ttlSeconds: number;
    }
  | { readonly does: 'grant' | 'revoke'; readonly permission: Permission; readonly group: string }
  | { readonly does: 'add' | 'remove'; readonly group: string }
  | { readonly does: 'peer'; readonly peer: 0 | 1; readonly call: ClientCall }
  | { readonly does: 'close' };

const id = 'subject';

const rights = ['joinLeaveGroup', 'sendToGroup', 'setGroupState', 'getGroupState'] as const;

/** Two nodes with a peer each, and one session, which is handed over between them, or is not. */
export class SessionWorld {
  readonly #moves: boolean;
  readonly #protocol: Protocol;
  readonly #app = new ModelApp();
  readonly #observer = new RecordingObserver();
  readonly #nodes: readonly [ModelNode, ModelNode];
  readonly #peers: readonly ReturnType<ModelNode['open']>[];
  /** What the client got, over all of its sockets. */
  readonly #got: string[] = [];
  readonly #peersGot: readonly string[][] = [[], []];
  #home = 0;
  #connection: Connection;
  #outlet: RecordingOutlet;
  /** Hand-overs that gave a record. */
  handedOver = 0;

  /** @param moves does `handOver` hand the session over, or only wait until nothing is under way? */
  static async begin(protocol: Protocol, moves: boolean, roles: readonly string[]): Promise<SessionWorld> {
    const world = new SessionWorld(protocol, moves, roles);
    await settled();
    return world;
  }

  private constructor(protocol: Protocol, moves: boolean, roles: readonly string[]) {
    this.#moves = moves;
    this.#protocol = protocol;
    const bus = new MemoryBus();
    const node = (aheadMs: number) => new ModelNode(bus.connect(), this.#app, this.#observer, aheadMs);
    this.#nodes = [node(0), node(700_000)];
    const all = rights.map(right => `webpubsub.${right}`);
    this.#peers = this.#nodes.map((node, index) => node.open(`peer${index}`, json, all, ['g', 'h']));
    const { connection, outlet } = this.#nodes[0].open(id, protocol, roles, ['g']);
    this.#connection = connection;
    this.#outlet = outlet;
  }

  /** What its client got and how its sockets ended, what the app server and the peers got, and what REST says of it. */
  async account(): Promise<object> {
    const [{ chat }] = this.#nodes;
    this.#collect();
    return {
      client: this.#got,
      app: this.#app.requests,
      peers: this.#peersGot,
      members: await Promise.all(['g', 'h'].map(group => chat.listGroup(group))),
      mayJoin: await chat.checkPermission(id, 'joinLeaveGroup', 'h'),
      facts: this.#observer.facts.filter(isOfLife).map(withoutCounts),
      faults: this.#observer.faults,
    };
  }

  async happen(what: Happening): Promise<void> {
    await this.#do(what);
    await settled();
    this.#collect();
  }

  async #do(what: Happening): Promise<void> {
    const { chat } = this.#nodes[0];
    switch (what.does) {
      case 'client':
        if (this.#isOpen) this.#connection.receive(this.#frameOf(what.call));
        return;
      case 'lose':
        this.#lose();
        return;
      case 'recover':
        return this.#recover();
      case 'handOver':
        return this.#handOver();
      case 'pass':
        for (const { clock } of this.#nodes) await clock.advanceAsync(what.ms);
        return;
      case 'answer':
        this.#app.answer(what.answer);
        return;
      case 'send':
        this.#send(what);
        return;
      case 'grant':
        await chat.grantPermission(id, what.permission, what.group);
        return;
      case 'revoke':
        await chat.revokePermission(id, what.permission, what.group);
        return;
      case 'add':
        await chat.addConnectionToGroup(id, what.group);
        return;
      case 'remove':
        await chat.removeConnectionFromGroup(id, what.group);
        return;
      case 'peer':
        this.#peers[what.peer]!.connection.receive(jsonCall(what.call));
        return;
      case 'close':
        await chat.closeConnection(id, 'bye');
        return;
    }
  }

  get #chat() {
    return this.#nodes[this.#home]!.chat;
  }

  get #isOpen(): boolean {
    return this.#connection.isOn(this.#outlet);
  }

  #frameOf(call: ClientCall) {
    return this.#protocol.name.startsWith('json') ? jsonCall(call) : protobufCall(call);
  }

  #lose(): void {
    this.#chat.lifecycle.lose(this.#connection, this.#outlet, endings.lost, false);
  }

  async #recover(): Promise<void> {
    const connection = await this.#chat.lifecycle.recover(id, `chat/${id}`);
    if (connection === undefined) {
      this.#got.push('not recovered');
      return;
    }
    this.#collect();
    this.#outlet = new RecordingOutlet();
    this.#chat.lifecycle.resume(connection, this.#outlet);
  }

  async #handOver(): Promise<void> {
    if (!this.#connection.isReliable) {
      if (this.#moves && (await this.#chat.handOver.freeze(this.#connection)))
        throw new Error('a plain connection froze');
      return;
    }
    const frozen = this.#moves ? this.#chat.handOver.freeze(this.#connection) : undefined;
    if (frozen === undefined) this.#lose();
    do {
      this.#app.answer({ status: 200, state: 'at hand-over', cookie: 'handed=over' });
      await settled();
    } while (this.#app.waiting > 0);
    const record = await frozen;
    if (record === undefined) return;
    this.#collect();
    this.#home = 1 - this.#home;
    this.#connection = await this.#chat.handOver.thaw(readSession(writeSession(record)));
    this.handedOver += 1;
  }

  #send({ to, times, ttlSeconds }: Happening & { does: 'send' }): void {
    const { chat } = this.#nodes[0];
    for (let index = 0; index < times; index += 1) {
      const payload = textPayload(`${to} ${index}`);
      if (to === 'all') chat.sendToAll(payload, { ttlSeconds });
      else if (to === 'group') chat.sendToGroup('g', payload, { ttlSeconds });
      else if (to === 'user') chat.sendToUser(`user-${id}`, payload, { ttlSeconds });
      else chat.sendToConnection(id, payload, { ttlSeconds });
    }
  }

  #collect(): void {
    for (const [index, { outlet }] of this.#peers.entries()) {
      this.#peersGot[index]!.push(...outlet.take().sort((a, b) => senderOf(a).localeCompare(senderOf(b))));
    }
    for (const { isBinary, bytes } of this.#outlet.frames.splice(0)) {
      this.#got.push(isBinary ? bytes.toString('hex') : bytes.toString('utf8'));
    }
    if (this.#outlet.closed !== undefined && this.#got.at(-1) !== 'closed') this.#got.push('closed');
  }
}

/** How many there are on its node is another matter. */
function withoutCounts({ isFirst, isLast, isLastOfUser, ...fact }: Recorded): object {
  return fact;
}

/** Messages of different senders that were sent at once have no order. */
function senderOf(text: string): string {
  return /"fromUserId":("[^"]*"|null)/.exec(text)?.[1] ?? '';
}

/** A fact of the session, on whichever node it is. */
function isOfLife({ what, connectionId }: Recorded): boolean {
  return connectionId === id && what !== 'handedOver' && what !== 'takenOver';
}
