import type { OnPartial } from './call-options.js';
import { type Answers, isFinal, merge, notAnswered, type Query, type QueryKind, type Target } from './commands.js';
import type { Backplane, Performer } from './ports.js';

/** Has queries answered by the nodes that may have connections of the target: this one and, through the backplane, the others. */
export class Queries {
  readonly #performer: Performer;
  readonly #backplane: Pick<Backplane, 'gather'>;

  constructor(performer: Performer, backplane: Pick<Backplane, 'gather'>) {
    this.#performer = performer;
    this.#backplane = backplane;
  }

  /**
   * The result for all nodes. One node's answer is enough when it is final; then the others need not answer.
   * @throws as a rejection: PubSubError `unknown` when a node did not answer that could change the result, unless `onPartial`
   * is given. A change is then done on those that answered; it may be repeated.
   */
  async run<K extends QueryKind>(target: Target, query: Query<K>, onPartial?: OnPartial): Promise<Answers[K]> {
    const isEnough = (answer: Answers[K]) => isFinal(target, query, answer);
    const answer = this.#performer.answer(target, query);
    const isHere = target.scope === 'connection' && answer instanceof Promise; // then it is nowhere else
    const own = isHere ? await answer : answer;
    if (!(own instanceof Promise) && isEnough(own)) return own;
    const [here, { answers, missing }] = await Promise.all([own, this.#backplane.gather(target, query, isEnough)]);
    if (missing.length > 0 && !isEnough(here) && !answers.some(isEnough)) {
      if (onPartial === undefined) throw notAnswered(missing);
      onPartial(missing);
    }
    return merge(query, [here, ...answers]);
  }
}
