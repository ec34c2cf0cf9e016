import type { Answers, AnyQuery, Command, QueryKind, Target } from '../../hub/commands.js';
import { badHead } from './bad-envelope.js';
import type { BodyReader } from './body-reader.js';
import { count, type Field, flag, isRecord, list, mapped, optional, record, someOf, text } from './fields.js';
import { formats, frameOf, newestCommon, openFrame, type Signer } from './frame.js';
import { answers, command, query, target } from './operations.js';

/** What nodes send each other. `from` is the sender's tag. [cluster 3.3] */
export type Envelope =
  /** `number`: which of the sender's, from 1. */
  | { kind: 'commands'; from: string; number: number; target: Target; commands: readonly Command[] }
  /** `id`: which of the sender's queries. */
  | { kind: 'query'; from: string; id: number; target: Target; query: AnyQuery }
  | { kind: 'answer'; from: string; id: number; answer: SentAnswer | undefined }
  | { kind: 'barrier'; from: string; round: number }
  | { kind: 'passed'; from: string; round: number; passing: Passing }
  | { kind: 'hello'; from: string; hello: Hello }
  | { kind: 'bye'; from: string }
  /** `index` from 0; `number` is the same in all parts of one envelope. */
  | { kind: 'part'; from: string; number: number; index: number; of: number; bytes: Buffer };

/** What a node tells about itself. */
export interface Hello {
  /** Of the last command envelope that it has sent. */
  readonly number: number;
  /** For people. */
  readonly name: string;
  /** Of envelopes that it can read. */
  readonly formats: readonly number[];
  readonly isDraining: boolean;
  /** It has just come: others tell it about themselves at once. */
  readonly isNew: boolean;
  /** Under which it took part before, and does not come back. */
  readonly formerTag: string | undefined;
  /** The tag of a node for which the sender speaks from now on. */
  readonly replaced: string | undefined;
}

/** Of the answer to a barrier. */
export interface Passing {
  /** Ids of the other node's queries that are still to be answered. */
  readonly late: readonly number[];
  /** The connection is a new one: what was sent to this node shortly before may not have reached it. */
  readonly isNew: boolean;
}

/** An answer that is read by whoever knows the query. */
export class SentAnswer {
  readonly #json: unknown;
  readonly #bodies: BodyReader;

  constructor(json: unknown, bodies: BodyReader) {
    this.#json = json;
    this.#bodies = bodies;
  }

  /** @throws BadEnvelope `head` for an answer to another kind of query */
  read<K extends QueryKind>(kind: K): Answers[K] {
    const answer = answers[kind].read(this.#json, this.#bodies);
    this.#bodies.end();
    return answer;
  }
}

const tag: Field<string> = {
  ...text,
  read(json, bodies) {
    const given = text.read(json, bodies);
    if (/^[A-Za-z0-9_-]{6}$/.test(given)) return given;
    throw badHead('not a tag');
  },
};

const hello = mapped(
  record({
    n: count,
    c: text,
    v: list(count),
    d: optional(flag),
    w: optional(flag),
    p: optional(tag),
    s: optional(tag),
  }),
  ({ number: n, name: c, formats: v, isDraining, isNew, formerTag: p, replaced: s }: Hello) => ({
    ...{ n, c, v, p, s },
    ...{ d: isDraining || undefined, w: isNew || undefined },
  }),
  ({ n: number, c: name, v: formats, d, w, p: formerTag, s: replaced }) => ({
    ...{ number, name, formats, formerTag, replaced },
    ...{ isDraining: d === true, isNew: w === true },
  }),
);

const heads = {
  commands: record({ f: tag, n: count, t: target, o: list(command) }),
  query: record({ f: tag, q: count, t: target, o: list(query) }),
  passed: record({ f: tag, r: count, l: someOf(count), w: optional(flag) }),
  barrier: record({ f: tag, b: count }),
  hello: record({ f: tag, h: hello }),
  part: record({ f: tag, n: count, part: count, of: count }),
  sender: record({ f: tag }),
  answer: record({ f: tag, q: count }),
};

/** Writes the envelopes of one node. */
export class EnvelopeWriter {
  /** Of what is written from now on. */
  format = newestCommon(formats, []);
  readonly #from: string;
  readonly #signer: Signer | undefined;

  constructor(from: string, signer: Signer | undefined) {
    this.#from = from;
    this.#signer = signer;
  }

  commands(number: number, to: Target, commands: readonly Command[]): Buffer {
    const bodies: Uint8Array[] = [];
    return this.#frame(heads.commands.write({ f: this.#from, n: number, t: to, o: commands }, bodies), bodies);
  }

  query(id: number, to: Target, query: AnyQuery): Buffer {
    const bodies: Uint8Array[] = [];
    return this.#frame(heads.query.write({ f: this.#from, q: id, t: to, o: [query] }, bodies), bodies);
  }

  answer<K extends QueryKind>(id: number, kind: K, answer: Answers[K]): Buffer {
    const bodies: Uint8Array[] = [];
    return this.#frame({ f: this.#from, q: id, v: answers[kind].write(answer, bodies) }, bodies);
  }

  /** The query failed here. */
  failure(id: number): Buffer {
    return this.#frame({ f: this.#from, q: id, x: true });
  }

  barrier(round: number): Buffer {
    return this.#frame({ f: this.#from, b: round });
  }

  passed(round: number, { late, isNew }: Passing): Buffer {
    return this.#frame(heads.passed.write({ f: this.#from, r: round, l: late, w: isNew || undefined }, []));
  }

  hello(about: Hello): Buffer {
    return this.#frame({ f: this.#from, h: hello.write(about, []) });
  }

  bye(): Buffer {
    return this.#frame({ f: this.#from, bye: true });
  }

  part(number: number, index: number, of: number, bytes: Uint8Array): Buffer {
    return this.#frame({ f: this.#from, n: number, part: index, of }, [bytes]);
  }

  #frame(head: unknown, bodies: readonly Uint8Array[] = []): Buffer {
    return frameOf(head as object, bodies, this.#signer, this.format);
  }
}

/** @throws BadEnvelope for bytes that are no envelope of this cluster */
export function readEnvelope(data: Uint8Array, signer: Signer | undefined): Envelope {
  const { head, bodies } = openFrame(data, signer);
  if (!isRecord(head)) throw badHead('not an object');
  const envelope = reading(head, bodies);
  if (envelope.kind !== 'answer') bodies.end();
  return envelope;
}

/** What is in the head tells what it is. */
function reading(head: Record<string, unknown>, bodies: BodyReader): Envelope {
  if ('o' in head) return 'q' in head ? readQuery(head, bodies) : readCommands(head, bodies);
  if ('q' in head) return readAnswer(head, bodies);
  if ('part' in head) return readPart(head, bodies);
  if ('h' in head) return readHello(head, bodies);
  return readSignal(head, bodies);
}

function readCommands(head: object, bodies: BodyReader): Envelope {
  const { f: from, n: number, t, o: commands } = heads.commands.read(head, bodies);
  return { kind: 'commands', from, number, target: t, commands };
}

function readQuery(head: object, bodies: BodyReader): Envelope {
  const { f: from, q: id, t, o } = heads.query.read(head, bodies);
  const [query] = o;
  if (query === undefined || o.length > 1) throw badHead('not one query');
  return { kind: 'query', from, id, target: t, query };
}

function readAnswer(head: Record<string, unknown>, bodies: BodyReader): Envelope {
  const { f: from, q: id } = heads.answer.read(head, bodies);
  return { kind: 'answer', from, id, answer: head.x === true ? undefined : new SentAnswer(head.v, bodies) };
}

function readPart(head: object, bodies: BodyReader): Envelope {
  const { f: from, n: number, part: index, of } = heads.part.read(head, bodies);
  return { kind: 'part', from, number, index, of, bytes: bodies.rest() };
}

function readHello(head: object, bodies: BodyReader): Envelope {
  const { f: from, h } = heads.hello.read(head, bodies);
  return { kind: 'hello', from, hello: h };
}

function readSignal(head: Record<string, unknown>, bodies: BodyReader): Envelope {
  if ('b' in head) {
    const { f: from, b: round } = heads.barrier.read(head, bodies);
    return { kind: 'barrier', from, round };
  }
  if ('r' in head) {
    const { f: from, r: round, l: late, w } = heads.passed.read(head, bodies);
    return { kind: 'passed', from, round, passing: { late, isNew: w === true } };
  }
  if (head.bye === true) return { kind: 'bye', from: heads.sender.read(head, bodies).f };
  throw badHead('of no known kind');
}
