/**
 * Is this the name of a parameter, in a query or in the body of a REST call? Letter case does not count, as for the vendor's
 * service: a parameter in another case would be ignored without a word, so that a `Filter` would send to everybody. Hot path:
 * most names differ in length.
 */
export function isParameter(given: string, name: string): boolean {
  return given.length === name.length && (given === name || given.toLowerCase() === name.toLowerCase());
}
