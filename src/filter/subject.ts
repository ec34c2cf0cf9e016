import type { Value, ValueType } from './values.js';

/** The properties of a connection that a filter can use. */
export interface FilterSubject {
  readonly id: string;
  readonly userId: string | undefined;
  readonly groups: ReadonlySet<string>;
  /** The negotiated predefined subprotocol; undefined for simple clients. */
  readonly subprotocol: string | undefined;
}

/** One identifier of the language. */
export interface Property {
  readonly type: ValueType;
  /** Whether it is null for the connection that filters are checked against. [rest-api 4.3] */
  readonly isNull: boolean;
  readonly read: (subject: FilterSubject) => Value;
}

const properties: ReadonlyMap<string, Property> = new Map<string, Property>([
  ['userid', { type: 'string', isNull: true, read: subject => subject.userId ?? null }],
  ['connectionid', { type: 'string', isNull: false, read: subject => subject.id }],
  ['groups', { type: 'collection', isNull: false, read: subject => subject.groups }],
  ['protocol', { type: 'string', isNull: true, read: subject => subject.subprotocol ?? null }],
]);

/** Letter case does not count. [rest-api 4.1] */
export function findProperty(name: string): Property | undefined {
  return properties.get(name.toLowerCase());
}
