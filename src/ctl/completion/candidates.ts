/**
 * What may come next on a command line, from commander's own tree: a verb or an option that is there is completed, and
 * nothing else can be. Pure: whose ids, and which files, are to be filled in is said, not looked up.
 */
import type { Command, Option } from 'commander';

export interface Candidates {
  words: string[];
  /** Ids of the agents that the daemon knows belong here too. */
  agents: boolean;
  /** Names of files belong here too. */
  files: boolean;
  /** Of the words before: `--socket`, `--config`. */
  reach: { socket?: string; config?: string };
}

/** `words`: those behind `daemonctl`; the last is the one to complete, and may be empty. */
export function candidates(program: Command, words: readonly string[]): Candidates {
  const found: Candidates = { words: [], agents: false, files: false, reach: {} };
  const current = words.at(-1) ?? '';
  let command = program;
  let waiting: Option | null = null;
  let given = 0;
  for (const word of words.slice(0, -1)) {
    if (waiting) {
      if (waiting.name() === 'socket' || waiting.name() === 'config') found.reach[waiting.name() as 'socket'] = word;
      waiting = null;
    } else if (word.startsWith('-')) {
      const option = optionOf(command, word);
      if (option?.required) waiting = option;
    } else {
      const next = given === 0 ? command.commands.find((verb) => verb.name() === word) : undefined;
      if (next) command = next;
      else given++;
    }
  }
  if (waiting) return ofValue(found, waiting, current);
  if (current.startsWith('-')) return withWords(found, optionsOf(command), current);
  const verbs = command.commands.filter((verb) => !verb.name().startsWith('_')).map((verb) => verb.name());
  if (verbs.length > 0 && given === 0) return withWords(found, verbs, current);
  const argument = command.registeredArguments[given] ?? command.registeredArguments.at(-1);
  if (!argument || (given >= command.registeredArguments.length && !argument.variadic)) return found;
  return ofArgument(found, argument.name(), argument.argChoices ?? [], current);
}

function optionOf(command: Command, word: string): Option | undefined {
  return command.options.find(({ long, short }) => long === word || short === word);
}

function optionsOf(command: Command): string[] {
  const own = command.options.flatMap(({ long, hidden }) => (long && !hidden ? [long] : []));
  return [...own, '--help'];
}

function withWords(found: Candidates, words: readonly string[], current: string): Candidates {
  return { ...found, words: words.filter((word) => word.startsWith(current)) };
}

function ofValue(found: Candidates, { argChoices, flags }: Option, current: string): Candidates {
  if (argChoices) return withWords(found, argChoices, current);
  return { ...found, files: /<(file|path)>/.test(flags) };
}

function ofArgument(found: Candidates, name: string, choices: readonly string[], current: string): Candidates {
  if (choices.length > 0) return withWords(found, choices, current);
  const agents = name.split('|').includes('agent');
  const withDaemon = withWords(found, name.split('|').includes('daemon') ? ['daemon'] : [], current);
  return { ...withDaemon, agents, files: name === 'file' };
}
