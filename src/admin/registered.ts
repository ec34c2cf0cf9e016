import { Counter, Gauge, type Histogram, type Registry } from 'prom-client';
import { catalog, type LabelsOf, type MetricEntry, type NameOf } from './catalog.js';
import { type Distribution, samplesOf } from './distribution.js';

/** Makes a counter of the catalog. @param collect sets it whenever metrics are read */
export function counter<Name extends NameOf<'counter'>>(
  registry: Registry,
  name: Name,
  collect?: (counter: Counter<LabelsOf<Name>>) => void,
): Counter<LabelsOf<Name>> {
  const made: Counter<LabelsOf<Name>> = new Counter({
    ...settings(registry, name),
    ...(collect !== undefined && {
      collect() {
        made.reset();
        collect(made);
      },
    }),
  });
  return made;
}

/** Makes a gauge of the catalog. @param collect sets it anew whenever metrics are read */
export function gauge<Name extends NameOf<'gauge'>>(
  registry: Registry,
  name: Name,
  collect?: (gauge: Gauge<LabelsOf<Name>>) => void | Promise<void>,
): Gauge<LabelsOf<Name>> {
  const made: Gauge<LabelsOf<Name>> = new Gauge({
    ...settings(registry, name),
    ...(collect !== undefined && { collect: () => collect(made) }),
  });
  return made;
}

/**
 * Makes a histogram of the catalog from numbers that are kept elsewhere: prom-client's class accepts values only one by
 * one, but a registry accepts any object that can `get` its values.
 */
export function histogram<Name extends NameOf<'histogram'>>(
  registry: Registry,
  name: Name,
  read: () => Iterable<readonly [labels: Readonly<Record<LabelsOf<Name>, string>>, values: Distribution]>,
): void {
  const { help, type } = catalog[name];
  const get = async () => ({
    name,
    help,
    type,
    aggregator: 'sum',
    values: [...read()].flatMap(([labels, values]) => samplesOf(name, labels, values)),
  });
  registry.registerMetric({ name, help, type, get } as unknown as Histogram);
}

function settings<Name extends NameOf<'counter' | 'gauge'>>(registry: Registry, name: Name) {
  const { help, labels, aggregator }: MetricEntry = catalog[name];
  const labelNames = labels as readonly LabelsOf<Name>[];
  return { name, help, labelNames, registers: [registry], ...(aggregator !== undefined && { aggregator }) };
}
