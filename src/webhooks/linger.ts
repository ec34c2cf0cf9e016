/**
 * A channel or a member of one, as webhooks see it: nobody is there, somebody is, or the last one has left so recently that
 * a return would make it untrue to tell. [pusher-webhooks 5.3]
 */
export type Occupancy =
  | { readonly state: 'absent' }
  | { readonly state: 'present' }
  | { readonly state: 'lingering'; readonly untilMs: number };

export type OccupancyInput =
  /** Somebody came, and nobody was there. */
  | { readonly kind: 'firstCame' }
  /** The last one left. */
  | { readonly kind: 'lastLeft'; readonly nowMs: number; readonly lingerMs: number }
  /** The wait is over. */
  | { readonly kind: 'due' };

/** What to do about it: `schedule` and `cancel` a deadline at the end of the wait; tell that it `appeared` or is `gone`. */
export type OccupancyEffect = 'appeared' | 'gone' | 'schedule' | 'cancel';

export interface OccupancyStep {
  readonly next: Occupancy;
  readonly effect: OccupancyEffect | undefined;
}

export const absent: Occupancy = { state: 'absent' };
export const present: Occupancy = { state: 'present' };

/** One step of the state machine. An input that does not fit the state, as after a restart, changes nothing. */
export function occupancyStep(occupancy: Occupancy, input: OccupancyInput): OccupancyStep {
  switch (input.kind) {
    case 'firstCame':
      if (occupancy.state === 'present') return { next: occupancy, effect: undefined };
      return { next: present, effect: occupancy.state === 'lingering' ? 'cancel' : 'appeared' };
    case 'lastLeft': {
      if (occupancy.state !== 'present') return { next: occupancy, effect: undefined };
      if (input.lingerMs === 0) return { next: absent, effect: 'gone' };
      return { next: { state: 'lingering', untilMs: input.nowMs + input.lingerMs }, effect: 'schedule' };
    }
    case 'due':
      if (occupancy.state !== 'lingering') return { next: occupancy, effect: undefined };
      return { next: absent, effect: 'gone' };
  }
}
