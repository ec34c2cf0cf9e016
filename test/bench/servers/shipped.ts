/**
 * A module of Hubwire as it is shipped: compiled by tsc. tsx, which runs the bench, would add to each function and class
 * that is made. @param path in `dist`. @returns what has the type of the module of `src`
 */
export async function shipped<Module>(path: string): Promise<Module> {
  return (await import(new URL(`../../../dist/${path}`, import.meta.url).href)) as Module;
}
