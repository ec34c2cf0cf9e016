/**
 * As `work`, which must not be waited for longer than `ms`. When it takes longer it goes on, and its outcome is left.
 * @throws as a rejection: what `work` rejects with, or an Error that says `late` and how many seconds were waited
 */
export async function within<T>(ms: number, work: Promise<T>, late = 'no answer'): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${late} within ${ms / 1_000} s`)), ms);
  });
  try {
    return await Promise.race([work, end]);
  } finally {
    clearTimeout(timer);
  }
}
