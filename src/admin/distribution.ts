/**
 * Counts of values for a histogram. Hot path: adding a value only adds to numbers.
 */
export class Distribution {
  /** Upper bounds of the buckets, ascending. */
  readonly ends: readonly number[];
  /** By bucket, each counting what is in no earlier one; larger values are in none. */
  readonly buckets: Float64Array;
  count = 0;
  sum = 0;

  constructor(ends: readonly number[]) {
    this.ends = ends;
    this.buckets = new Float64Array(ends.length);
  }

  /** @param times how often the value occurred */
  add(value: number, times = 1): void {
    this.count += times;
    this.sum += value * times;
    const { ends, buckets } = this;
    for (let index = 0; index < ends.length; index += 1) {
      if (value > ends[index]!) continue;
      buckets[index]! += times;
      return;
    }
  }
}

/** The samples of a histogram, in prom-client's format. */
export function samplesOf(name: string, labels: Readonly<Record<string, string>>, values: Distribution): object[] {
  let upTo = 0;
  const buckets = values.ends.map((le, index) => {
    upTo += values.buckets[index]!;
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: upTo };
  });
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { le: '+Inf', ...labels }, value: values.count },
    { metricName: `${name}_sum`, labels, value: values.sum },
    { metricName: `${name}_count`, labels, value: values.count },
  ];
}
