/**
 * A module of Hubwire compiled by tsc, before it is bundled. tsx, which runs the bench, would add to each function and class
 * that is made. @param path in `build`. @returns what has the type of the module of `src`
 */
export async function shipped<Module>(path: string): Promise<Module> {
  return (await import(new URL(`../../../build/${path}`, import.meta.url).href)) as Module;
}
