import { FanOutLoad, type Publish } from '../load/fan-out-load.js';
import type { Lengths } from '../load/frames.js';
import { Guard } from '../load/guard.js';
import { dialMany } from '../load/raw-client.js';
import { type Member, memberOf } from '../peers/pusher.js';
import { appYaml } from '../servers/pusher-app.js';
import type { Stage } from '../servers/stage.js';
import type { Contender } from './scenario.js';

const channel = 'presence-bench';

/** Joins and leaves that not all members were told of yet. */
const inFlight = 16;

/** Those who come and go, in turn: so many that everybody was told of the last move of one before its next. */
const movers = 64;

/** By how much the text about one who has left is shorter than that about one who has come, in bytes. */
const shorter = ',\\"user_info\\":{}'.length - 'removed'.length + 'added'.length;

/**
 * A presence channel on a Hubwire of its own: its members are told of each one who comes or goes, and who comes is given the
 * list of all. What is counted is members told.
 */
export async function presenceOn(stage: Stage, size: number): Promise<Contender> {
  const server = await stage.hubwire(appYaml([`max_presence_members_per_channel: ${size + movers}`]));
  const guard = new Guard();
  const dial = async (name: string, count: number) => {
    const members: Member[] = [];
    await dialMany(count, async index => {
      const member = await memberOf(server, channel, `${name}-${1_000 + index}`, guard);
      members.push(member);
      stage.onEnd(() => member.client.destroy());
      return member.client;
    });
    return members;
  };
  const residents = await dial('member', size);
  await enterInTurn(residents, guard);
  const load = new FanOutLoad(moving(await dial('mover', movers)), residents.map(toSubscriber), inFlight, guard);
  await load.prime(checkCame);
  return { name: `${size.toLocaleString('en')} members`, server, load };
}

/** One after another: each reads that it is in, those who are there read of it, and nothing is left to be read. */
async function enterInTurn(members: readonly Member[], guard: Guard): Promise<void> {
  for (const [index, { client, join }] of members.entries()) {
    client.write(join);
    const told = members.slice(0, index + 1).map(member => member.client.next());
    await guard.during(Promise.all(told), 10_000);
  }
}

function moving(goers: readonly Member[]): Publish {
  const present = new Set<Member>();
  let next = 0;
  for (const { client } of goers) client.startCounting({ least: 0, most: Number.POSITIVE_INFINITY }, () => {});
  return count => {
    for (let index = 0; index < count; index += 1) {
      const member = goers[next % goers.length]!;
      next += 1;
      const isLeaving = present.delete(member);
      if (!isLeaving) present.add(member);
      member.client.write(isLeaving ? member.leave : member.join);
    }
  };
}

function toSubscriber({ client }: Member) {
  return { client, lengthsOf: ({ length }: Buffer): Lengths => ({ least: length - shorter, most: length }) };
}

function checkCame(message: Buffer): void {
  const { event } = JSON.parse(message.toString('utf8')) as { event: string };
  if (event !== 'pusher_internal:member_added') throw new Error(`a member was told something else: ${message}`);
}
