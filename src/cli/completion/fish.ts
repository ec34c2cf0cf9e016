import { pathsOf, quoted } from './cases.js';
import type { Flag, Node } from './tree.js';

/** For `hubwire completion fish | source`. */
export function fishScript(nodes: readonly Node[]): string {
  return `# Completion of hubwire for fish. Load it with: hubwire completion fish | source
function __hubwire_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    if contains -- "$at/$word" ${pathsOf(nodes).join(' ')}
      set at "$at/$word"
    end
  end
  test "$at" = "$argv[1]"
end
complete -c hubwire -f
${nodes.flatMap(linesOf).join('\n')}
`;
}

function linesOf({ path, commands, flags, choices }: Node): readonly string[] {
  const start = `complete -c hubwire -n '__hubwire_at "${path}"'`;
  return [
    ...commands.map(({ name, description }) => `${start} -a ${name} -d ${quoted(description)}`),
    ...(choices.length > 0 ? [`${start} -a '${choices.join(' ')}'`] : []),
    ...flags.map(
      flag => `${start}${shortOf(flag)} -l ${flag.name.slice(2)}${argumentOf(flag)} -d ${quoted(flag.description)}`,
    ),
  ];
}

function shortOf({ short }: Flag): string {
  return short === undefined ? '' : ` -s ${short.slice(1)}`;
}

function argumentOf({ takesValue, isFile, choices }: Flag): string {
  if (!takesValue) return '';
  if (isFile) return ' -rF';
  return choices.length > 0 ? ` -xa '${choices.join(' ')}'` : ' -x';
}
