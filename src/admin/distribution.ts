/**
 * How often which values came, for a histogram. To add one only adds numbers, a tenth of what prom-client takes for it.
 */
export class Distribution {
  /** Upper ends of the buckets, rising. */
  readonly ends: readonly number[];
  /** By bucket, each counting what is in no earlier one; larger values are in none. */
  readonly buckets: Float64Array;
  count = 0;
  sum = 0;

  constructor(ends: readonly number[]) {
    this.ends = ends;
    this.buckets = new Float64Array(ends.length);
  }

  /** @param times how often the value came */
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

/** The samples of a histogram, as prom-client writes them down. */
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
