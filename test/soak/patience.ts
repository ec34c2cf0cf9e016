/** No answer of the service may take longer: far above what a busy machine needs, far below for ever. */
export const patienceMs = 30_000;

/** @throws Error that says what was waited for, when `work` does not settle in time */
export async function within<T>(work: Promise<T>, what: string, limitMs = patienceMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came within ${limitMs} ms: ${what}`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
