import type { Query, QueryKind, Target } from '../../hub/commands.js';
import type { BackplaneNode } from '../../hub/ports.js';
import type { Operation } from '../../nats/events.js';
import { Answering } from './answering.js';
import { Barriers } from './barriers.js';
import { Batches } from './batches.js';
import type { BusOptions } from './bus-options.js';
import { type Envelope, EnvelopeWriter, type Hello } from './envelope.js';
import { formats, newestCommon } from './frame.js';
import { Interests } from './interests.js';
import type { ChannelEvents, NatsChannel } from './nats-channel.js';
import { Outgoing } from './outgoing.js';
import { type Peer, Peers } from './peers.js';
import { Questions } from './questions.js';
import { Receiver, type WholeEnvelope } from './receiver.js';
import { Subjects } from './subjects.js';

const changes: ReadonlySet<QueryKind> = new Set(['join', 'leave', 'leaveAll', 'close', 'grant', 'revoke'] as const);

/** What this node sends to the others and receives from them, by whatever connection there is. [cluster 3–5] */
export class Bus implements ChannelEvents {
  readonly subjects: Subjects;
  readonly peers: Peers;
  readonly outgoing: Outgoing;
  readonly batches: Batches;
  readonly barriers: Barriers;
  readonly interests: Interests;
  readonly questions: Questions;
  /** On which is subscribed; undefined while there is none. */
  channel: NatsChannel | undefined;
  node: BackplaneNode | undefined;
  /** What was sent to this node shortly before may not have reached it: the connection is a new one. */
  isNew = true;
  /** What this node has to hear on this connection, and may not subscribe to. */
  readonly deafTo = new Set<string>();
  /** It has been deaf to something since it took part last. */
  isDeaf = false;
  /** What others have to hear from this node on this connection, and it may not publish. */
  readonly muteTo = new Set<string>();
  /** Called when it becomes deaf or mute while it takes part. */
  onExcluded = (_operation: Operation, _subject: string) => {};
  /** Tells others that this node lets no more clients in. */
  isDraining = false;
  readonly #options: BusOptions;
  readonly #writer: EnvelopeWriter;
  readonly #answering: Answering;
  readonly #receiver: Receiver;

  constructor(options: BusOptions) {
    const { root, tag, signer, clock, turn, keepBytes, goneAfterMs, observer } = options;
    this.#options = options;
    const writer = new EnvelopeWriter(tag, signer);
    const peers = new Peers(goneAfterMs);
    for (const gone of options.goneTags ?? []) peers.bye(gone);
    this.#writer = writer;
    this.peers = peers;
    this.subjects = new Subjects(root, tag);
    this.outgoing = new Outgoing({
      ...{ clock, writer, keepBytes },
      senders: () => peers.in('present').length,
      onSent: () => observer.envelope('sent'),
    });
    this.batches = new Batches({ turn, writer, outgoing: this.outgoing });
    this.barriers = new Barriers({
      ...{ clock, turn, peers },
      request: (to, round) => this.#requestBarrier(to, round),
      onPassed: durationMs => observer.barrierPassed(durationMs),
    });
    this.interests = new Interests({
      ...{ clock, turn, barriers: this.barriers },
      isAlone: () => this.isAlone,
      subscribe: subject => this.channel?.subscribe(subject),
    });
    this.questions = new Questions({
      ...{ clock, peers, barriers: this.barriers },
      turnOf: (to, query) => this.#turnOf(to, query),
      send: (id, to, query) => this.#sendQuery(id, to, query),
      onBadAnswer: error => this.#receiver.drop(this.subjects.own, error),
      onPartial: () => observer.partialQuery(),
    });
    peers.onGone = peer => {
      this.barriers.gone(peer);
      this.questions.gone(peer);
    };
    this.#answering = new Answering({ writer, node: () => this.node, reply: (to, bytes) => this.#reply(to, bytes) });
    this.#receiver = new Receiver({
      ...{ tag, clock, signer, peers },
      take: (peer, envelope) => this.#take(peer, envelope),
      onDropped: () => observer.envelope('dropped'),
      tellDropped: dropped => observer.dropped(dropped),
    });
  }

  // -------------------------------------------------------------------------------------------------------- outbound

  /** Tells all who this node is. @param isNew they are to do the same */
  sayHello(isNew: boolean): void {
    this.outgoing.reply(this.subjects.all, this.#writer.hello(this.#about(isNew)));
  }

  /** As `sayHello`, to each subject that may be refused, by this way: the server reports what it refuses. */
  tryHello(publish: (subject: string, bytes: Buffer) => void): void {
    const bytes = this.#writer.hello(this.#about(true));
    for (const subject of new Set([this.subjects.all, ...this.muteTo])) publish(subject, bytes);
    this.muteTo.clear();
  }

  /** No other node is known, and one would be: there is a connection, on which it would be heard. Hot path. */
  get isAlone(): boolean {
    return this.peers.isAlone && this.channel !== undefined && !this.isDeaf;
  }

  /** This node speaks for another one from now on. The others are told before anything that it tells in its place. */
  replace(tag: string): void {
    this.peers.replace(tag);
    this.outgoing.reply(this.subjects.all, this.#writer.hello({ ...this.#about(false), replaced: tag }));
  }

  /** Tells all that this node does not come back. */
  sayBye(): void {
    this.outgoing.reply(this.subjects.all, this.#writer.bye());
  }

  /** Requests a barrier's round of its own, by this way. */
  requestBy(publish: (subject: string, bytes: Buffer, reply: string) => void) {
    return (peers: readonly Peer[], round: number): void => {
      const bytes = this.#writer.barrier(round);
      for (const { tag } of peers) publish(this.subjects.ofNode(tag, 'b'), bytes, this.#replyTo(`r${round}-${tag}`));
    };
  }

  #requestBarrier(peers: readonly Peer[], round: number): void {
    this.batches.flush();
    this.requestBy((subject, bytes, reply) => this.outgoing.send(subject, bytes, reply))(peers, round);
  }

  /** A change keeps its place behind the commands for the same target; a question may overtake them. [cluster 3.5] */
  #turnOf(target: Target, { kind }: Query<QueryKind>): Promise<void> | undefined {
    if (!this.outgoing.isCatchingUp || !changes.has(kind)) return undefined;
    this.batches.flush();
    return this.outgoing.turnBehind(this.subjects.of(target));
  }

  #sendQuery(id: number, target: Target, query: Query<QueryKind>): void {
    this.batches.flush();
    const bytes = this.#writer.query(id, target, query as never);
    const reply = target.scope === 'connection' ? this.#replyTo(`q${id}`) : undefined;
    this.outgoing.send(this.subjects.of(target), bytes, reply);
  }

  #reply(to: string, bytes: Buffer): void {
    this.batches.flush();
    this.outgoing.reply(this.subjects.ofNode(to, 'a'), bytes);
  }

  #replyTo(token: string): string {
    return this.subjects.ofNode(this.#options.tag, token);
  }

  #about(isNew: boolean): Hello {
    const { sentNumber: number } = this.outgoing;
    const { name, formerTag } = this.#options;
    return { number, name, formats, isDraining: this.isDraining, isNew, formerTag, replaced: undefined };
  }

  // --------------------------------------------------------------------------------------------------------- inbound

  receive(subject: string, data: Uint8Array): void {
    this.#receiver.receive(subject, data);
  }

  /** The server's report that nobody got what was sent with this subject for replies. */
  nobodyListens(reply: string): void {
    const [, query, round, tag] = /\.(?:q(\d+)|r(\d+)-(.{6}))$/.exec(reply) ?? [];
    if (query !== undefined) this.questions.nobodyListens(Number(query));
    const peer = tag === undefined ? undefined : this.peers.find(tag);
    if (peer !== undefined) this.barriers.absent(peer, Number(round));
  }

  refused(subject: string): void {
    if (!this.subjects.isNodes(subject) && this.interests.refuse(subject)) {
      this.#options.observer.refused('subscribe', [subject], false);
      return;
    }
    this.isDeaf = true;
    this.deafTo.add(subject);
    if (!this.isNew) this.onExcluded('subscribe', subject);
  }

  /** The server does not let this user publish to it. @returns whether this node takes no part because of that */
  mute(subject: string): boolean {
    if (!this.subjects.isBetweenNodes(subject)) return false;
    this.muteTo.add(subject);
    if (!this.isNew) this.onExcluded('publish', subject);
    return true;
  }

  /** Tells what it is deaf to, or mute. */
  tellExcluded(operation: Operation): void {
    const subjects = operation === 'subscribe' ? this.deafTo : this.muteTo;
    this.#options.observer.refused(operation, [...subjects], true);
  }

  /** It takes part from now on: it hears all others. */
  hears(): void {
    this.isNew = false;
    this.isDeaf = false;
    this.#options.observer.tookPart();
  }

  fault(error: unknown): void {
    this.#options.observer.fault('the bus on NATS', error);
  }

  #take(peer: Peer, envelope: WholeEnvelope): void {
    this.#options.observer.envelope(isRepeated(peer, envelope) ? 'repeated' : 'received');
    switch (envelope.kind) {
      case 'commands':
        this.#perform(peer, envelope);
        break;
      case 'query':
        this.#answering.receive(peer, envelope);
        break;
      case 'answer':
        this.questions.answered(peer, envelope.id, envelope.answer);
        break;
      case 'barrier':
        this.#passBarrier(peer, envelope.round);
        break;
      case 'passed':
        this.barriers.passed(peer, envelope.round, envelope.passing);
        break;
      case 'hello':
        this.#returnHello(peer, envelope.hello);
        break;
      case 'bye':
        this.peers.bye(peer.tag);
        this.#writer.format = newestCommon(formats, this.peers.formats());
    }
  }

  /**
   * One that was received before is sent again after its sender's connection was lost. [cluster 3.5] Of a node for which another
   * one speaks only messages are carried out: the states and members that it tells are ended. [CL-059]
   */
  #perform(peer: Peer, { number, target, commands }: Envelope & { kind: 'commands' }): void {
    if (number <= peer.number) return;
    peer.number = number;
    for (const command of commands) {
      if (peer.isReplaced && command.kind !== 'send') continue;
      try {
        this.node?.performerOf(target.hub)?.perform(target, command);
      } catch (error) {
        this.node?.failed(target, error);
      }
    }
  }

  #passBarrier({ tag }: Peer, round: number): void {
    const passing = { late: this.#answering.lateOf(tag), isNew: this.isNew };
    this.#reply(tag, this.#writer.passed(round, passing));
  }

  #returnHello({ tag }: Peer, { isNew }: Hello): void {
    this.#writer.format = newestCommon(formats, this.peers.formats());
    if (isNew) this.#reply(tag, this.#writer.hello(this.#about(false)));
  }
}

function isRepeated(peer: Peer, envelope: WholeEnvelope): boolean {
  return envelope.kind === 'commands' && envelope.number <= peer.number;
}
