// Loaded into the service before anything else (`node --import`): lets the soak step the wall clock of that process.
// A message is a step in milliseconds; the answer is the time that the process then has. Node's monotonic clock and its
// timers stay as they are, as after a real step.

let offsetMs = 0;

const realNow = Date.now;
Date.now = () => realNow() + offsetMs;

globalThis.Date = new Proxy(Date, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [Date.now()] : args, newTarget),
  apply: () => new Date().toString(),
});

process.on('message', stepMs => {
  offsetMs += stepMs;
  process.send?.(Date.now());
});
process.channel?.unref(); // it does not keep the service from its end
