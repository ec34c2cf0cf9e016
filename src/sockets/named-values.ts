/** Values by their names, which may be any, `__proto__` included. Hot path: a Map that becomes an object costs twice as much. */
export type NamedValues = Record<string, string[]>;

/** Adds a value to those of its name. */
export function addValue(values: NamedValues, name: string, value: string): void {
  if (Object.hasOwn(values, name)) values[name]!.push(value);
  else setValues(values, name, [value]);
}

/** All values of a name. */
export function setValues(values: NamedValues, name: string, all: string[]): void {
  if (name !== '__proto__') values[name] = all;
  else Object.defineProperty(values, name, { value: all, enumerable: true, configurable: true, writable: true });
}
