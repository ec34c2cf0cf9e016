import { randomUUID } from 'node:crypto';
import { MemoryBus } from '../../src/backplane/memory.js';
import type { Frame, Frames } from '../../src/frames/frames.js';
import type { Admission } from '../../src/hub/admission.js';
import type { Target } from '../../src/hub/commands.js';
import type { Connection } from '../../src/hub/connection.js';
import type { PlainFact } from '../../src/hub/facts.js';
import type { Hub } from '../../src/hub/hub.js';
import { Hubs } from '../../src/hub/hubs.js';
import { observers } from '../../src/hub/observers.js';
import type {
  Backplane,
  ConnectionEvents,
  ConnectReply,
  ConnectRequest,
  Outlet,
  ReconnectionTokens,
  Turn,
  Upstream,
} from '../../src/hub/ports.js';
import type { EventsRecord } from '../../src/hub/session.js';
import { type Pace, Slices } from '../../src/hub/slices.js';
import { Watches } from '../../src/hub/watches.js';
import type { Payload } from '../../src/protocols/messages.js';
import type { InboundFrame, Protocol } from '../../src/protocols/protocol.js';
import { json } from '../../src/protocols/webpubsub/json/index.js';
import { ManualClock } from './manual-clock.js';
import { RecordingObserver } from './recording-observer.js';

/** Keeps what it is given to send. */
export class RecordingOutlet implements Outlet {
  readonly frames: Frame[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  isDropped = false;
  /** `pause` and `resume`, in order. */
  readonly flow: ('pause' | 'resume')[] = [];

  send(frames: Frames): void {
    if (this.closed !== undefined || this.isDropped) throw new Error('sent after the end');
    this.frames.push(...frames.each());
  }

  close(code: number, reason: string): void {
    if (this.closed !== undefined) throw new Error('closed twice');
    this.closed = { code, reason };
  }

  drop(): void {
    if (this.isDropped) throw new Error('dropped twice');
    this.isDropped = true;
  }

  pause(): void {
    this.flow.push('pause');
  }

  resume(): void {
    this.flow.push('resume');
  }

  /** What was sent since the last call, as text. */
  take(): string[] {
    return this.frames.splice(0).map(({ bytes }) => bytes.toString('utf8'));
  }
}

/** What a session was told, in order. */
export type SessionCall =
  | { readonly call: 'connect'; readonly request: ConnectRequest }
  | { readonly call: 'accept'; readonly userId: string | undefined; readonly subprotocol: string | undefined }
  | { readonly call: 'connected' }
  | { readonly call: 'event'; readonly name: string; readonly payload: Payload }
  | { readonly call: 'disconnected'; readonly reason: string };

/** One connection's app server, which answers an event when the test says so. */
export class ScriptedSession implements ConnectionEvents {
  readonly calls: SessionCall[] = [];
  /** What gives each event up, in the order of the events. */
  readonly signals: (AbortSignal | undefined)[] = [];
  /** Groups it was told of, as in `joined g`. */
  readonly presence: string[] = [];
  readonly #connect: () => Promise<ConnectReply> | undefined;
  readonly #pending: { answer(payload: Payload | undefined): void; refuse(error: unknown): void }[] = [];

  constructor(
    readonly hub: string,
    readonly connectionId: string,
    connect: () => Promise<ConnectReply> | undefined,
  ) {
    this.#connect = connect;
  }

  connect(request: ConnectRequest): Promise<ConnectReply> | undefined {
    this.calls.push({ call: 'connect', request });
    return this.#connect();
  }

  identify(userId: string | undefined, subprotocol: string | undefined): void {
    this.calls.push({ call: 'accept', userId, subprotocol });
  }

  connected(): void {
    this.calls.push({ call: 'connected' });
  }

  event(name: string, payload: Payload, signal?: AbortSignal): Promise<Payload | undefined> {
    this.signals.push(signal);
    this.calls.push({ call: 'event', name, payload });
    return new Promise((answer, refuse) => this.#pending.push({ answer, refuse }));
  }

  joined(group: string): void {
    this.presence.push(`joined ${group}`);
  }

  left(group: string): void {
    this.presence.push(`left ${group}`);
  }

  disconnected(reason: string): void {
    this.calls.push({ call: 'disconnected', reason });
  }

  tell(fact: PlainFact): void {
    if (fact.kind === 'identified' || fact.kind === 'abandoned') this.identify(fact.userId, fact.subprotocol);
    if (fact.kind === 'opened') this.connected();
    if (fact.kind === 'joined') this.joined(fact.group);
    if (fact.kind === 'left') this.left(fact.group);
    if (fact.kind === 'closed' || fact.kind === 'abandoned') this.disconnected(fact.ending.reason);
  }

  whenNotified(): undefined {
    return undefined;
  }

  record(): EventsRecord {
    return { nextId: 1, state: undefined, cookies: [] };
  }

  /** Names of the calls so far; of events, their own names. */
  get history(): string[] {
    return this.calls.map(call => (call.call === 'event' ? call.name : call.call));
  }

  /** Events that nobody has answered. */
  get waiting(): number {
    return this.#pending.length;
  }

  /** Answers the oldest event, and lets what waits for it run. */
  async answer(payload?: Payload): Promise<void> {
    this.#next().answer(payload);
    await settled();
  }

  async refuse(error: unknown): Promise<void> {
    this.#next().refuse(error);
    await settled();
  }

  #next() {
    const next = this.#pending.shift();
    if (next === undefined) throw new Error('no event is waiting');
    return next;
  }
}

/** Hands out scripted sessions; `connectAnswer` is what their `connect` gives. */
export class ScriptedUpstream implements Upstream {
  readonly sessions: ScriptedSession[] = [];
  connectAnswer: () => Promise<ConnectReply> | undefined = () => undefined;

  open(hub: string, connectionId: string): ScriptedSession {
    const session = new ScriptedSession(hub, connectionId, () => this.connectAnswer());
    this.sessions.push(session);
    return session;
  }

  /** As a reader of facts: tells the connection's session what concerns it. */
  tell(fact: PlainFact): void {
    if (!('connection' in fact)) return;
    const session = fact.connection.upstream;
    if (session instanceof ScriptedSession) session.tell(fact);
  }
}

/** A backplane of one node that keeps which targets it was told to listen to. */
export class RecordingBackplane implements Backplane {
  readonly tag = 'recorded';
  /** `+` and `-` with the target, in order. */
  readonly interest: string[] = [];
  /** Given by each `listen`, when set. */
  ready: (() => Promise<void>) | undefined;

  get listensAtOnce(): boolean {
    return this.ready === undefined;
  }

  attach(): void {}

  publish(): 'accepted' {
    return 'accepted';
  }

  async gather(): Promise<{ answers: []; missing: [] }> {
    return { answers: [], missing: [] };
  }

  listen(target: Target): Promise<void> | undefined {
    this.interest.push(`+ ${labelOf(target)}`);
    return this.ready?.();
  }

  unlisten(target: Target): void {
    this.interest.push(`- ${labelOf(target)}`);
  }

  async close(): Promise<void> {}
}

function labelOf(target: Target): string {
  switch (target.scope) {
    case 'hub':
      return `hub ${target.hub}`;
    case 'group':
      return `group ${target.group}`;
    case 'user':
      return `user ${target.userId}`;
    case 'connection':
      return `connection ${target.connectionId}`;
  }
}

/** Tokens that a test can write itself. */
export const readableTokens: ReconnectionTokens = {
  issue: readableToken,
  accepts: (token, hub, connectionId) => token === readableToken(hub, connectionId),
};

function readableToken(hub: string, connectionId: string): string {
  return `${hub}/${connectionId}`;
}

export interface OpenOptions {
  /** Default: `chat`. */
  readonly hub?: string;
  readonly id?: string;
  readonly userId?: string;
  readonly roles?: readonly string[];
  readonly groups?: readonly string[];
  readonly protocol?: Protocol;
}

/** A client of a test node, seen from both ends. */
export interface FakeClient {
  readonly id: string;
  readonly connection: Connection;
  readonly outlet: RecordingOutlet;
  readonly session: ScriptedSession;
  /** Sends one text frame; an object goes as JSON. */
  say(message: string | object): void;
  /** What the client was sent since the last look, as text. */
  heard(): string[];
}

/** Hubs whose outside is all fake. */
export class TestNode {
  readonly upstream = new ScriptedUpstream();
  readonly observer = new RecordingObserver();
  readonly watches = new Watches((where, error) => this.observer.fault(where, error));
  readonly clock = new ManualClock();
  readonly hubs: Hubs;
  recoveryWindowMs = 30_000;
  dropsOnEventFailure = false;
  membershipsPerCall = 10_000_000;

  /** @param turn ends at once, unless a test says otherwise @param pace one slice is enough for all, unless a test says otherwise */
  constructor(
    backplane: Backplane = new MemoryBus().connect(),
    turn: Turn = { atEnd: task => task() },
    pace: Pace = { monotonicMs: () => 0, nextTurn: task => void setImmediate(task) },
  ) {
    this.hubs = new Hubs({
      upstream: this.upstream,
      backplane,
      observer: observers(this.observer, this.watches, this.upstream),
      watches: this.watches,
      clock: this.clock,
      turn,
      slices: new Slices(pace),
      reconnectionTokens: readableTokens,
      recoveryWindowMs: () => this.recoveryWindowMs,
      dropsOnEventFailure: () => this.dropsOnEventFailure,
      membershipsPerCall: () => this.membershipsPerCall,
    });
  }

  get chat(): Hub {
    return this.hubs.get('chat');
  }

  /** A client of hub `chat`, or of another, that has been admitted; its `connected` message is left out of what it heard. */
  open(options: OpenOptions = {}): FakeClient {
    const { id = randomUUID(), protocol = json, hub = 'chat' } = options;
    const session = this.upstream.open(hub, id);
    const outlet = new RecordingOutlet();
    const connection = this.hubs.get(hub).lifecycle.open(admissionOf({ ...options, id, protocol }, session), outlet);
    outlet.take();
    return {
      id,
      connection,
      outlet,
      session,
      say: message => connection.receive(textFrame(message)),
      heard: () => outlet.take(),
    };
  }
}

function admissionOf(options: OpenOptions & { id: string; protocol: Protocol }, upstream: ConnectionEvents): Admission {
  const { id, protocol, userId, roles = [], groups = [] } = options;
  return { connectionId: id, userId, roles, groups, subprotocol: protocol.subprotocol, protocol, upstream };
}

export function textFrame(message: string | object): InboundFrame {
  const text = typeof message === 'string' ? message : JSON.stringify(message);
  return { isBinary: false, bytes: Buffer.from(text, 'utf8') };
}

export function textPayload(text: string): Payload {
  return { dataType: 'text', bytes: Buffer.from(text, 'utf8'), metadata: undefined };
}

/** Lets promises that are already settled run what waits for them, however long their chain is. */
export function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

/** An ack as the JSON protocol writes it. */
export function ackText(ackId: number | bigint): string {
  return `{"type":"ack","ackId":${ackId},"success":true}`;
}
