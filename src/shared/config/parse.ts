/** Text → typed configuration, or every reason why not. Reads nothing but the text; never throws for what it says. */
import { join } from 'node:path';
import { crossCheck } from './cross-checks.ts';
import { complete } from './defaults.ts';
import type { Diagnostic } from './diagnostic.ts';
import type { Fields } from './fields.ts';
import { Findings, type Places, placesOf } from './findings.ts';
import { type PartialModel, SchemaReader } from './read.ts';
import { type AgentConfig, type Config, LEGACY_AGENT_DEFAULTS, SCHEMA } from './schema.ts';
import { type MapNode, readTree } from './tree.ts';
import { given } from './values.ts';

/** What became of a configuration file. */
export interface Loaded {
  /** null exactly when there is an error among the diagnostics. */
  config: Config | null;
  /** In the order of the text; warnings too. */
  diagnostics: Diagnostic[];
  /** Where the values stand, for later checks. */
  places: Places;
}

/** Reads the text of a configuration file; `file` is the name that diagnostics show. */
export function parseConfig(text: string, file: string): Loaded {
  const places = placesOf(text.replace(/^\uFEFF/, ''), file);
  const findings = new Findings(places);
  const config = readConfig(places.text, findings);
  return { config: findings.hasErrors ? null : config, diagnostics: findings.diagnostics(), places };
}

function readConfig(text: string, findings: Findings): Config | null {
  const tree = readTree(text, findings);
  if (tree === null) return null;
  if (tree.kind !== 'map') {
    const empty = tree.kind === 'scalar' && tree.value === null;
    const message = empty ? 'the file says nothing' : `wants sections such as \`manager:\`, given ${given(tree)}`;
    findings.add({ keyPath: '', offset: empty ? null : tree.offset, message, hint: '`manager.address` is needed' });
    return null;
  }
  const partial = readSections(tree, findings);
  // the reader and the defaults follow the schema that the type is derived from
  const whole = complete(SCHEMA, partial, {}, partial) as unknown as Config;
  const config = { ...whole, agents: whole.agents.map((agent) => withWorkDir(agent, whole.daemon.workDir)) };
  crossCheck(config, findings);
  return config;
}

function withWorkDir(agent: AgentConfig, base: string): AgentConfig {
  // an agent without an id has an error of its own
  return agent.workDir !== '' || agent.id === '' ? agent : { ...agent, workDir: join(base, 'agents', agent.id) };
}

/** The sections that the file gives; the single-agent form becomes a list of one. */
function readSections(tree: MapNode, findings: Findings): PartialModel {
  const isGiven = (key: string) =>
    tree.entries.find((entry) => entry.key === key && !(entry.value.kind === 'scalar' && entry.value.value === null));
  const legacy = isGiven('agent');
  const list = isGiven('agents');
  if (legacy !== undefined && list !== undefined) {
    const { line } = findings.places.lines.linePos(list.offset);
    const message = `is ignored: the list \`agents\` is given too, on line ${line}`;
    const hint = 'move it into the list or remove it';
    findings.add({ keyPath: 'agent', offset: legacy.offset, message, hint, severity: 'warning' });
  }
  const entries = tree.entries.filter((entry) => entry.key !== 'agent' || (legacy !== undefined && list === undefined));
  if (legacy === undefined || list !== undefined)
    return new SchemaReader(SCHEMA, findings).readRoot({ ...tree, entries });
  findings.places.legacyAgent = true;
  const partial = new SchemaReader(LEGACY_SCHEMA, findings).readRoot({ ...tree, entries });
  return { ...partial, agents: [{ ...LEGACY_AGENT_DEFAULTS, ...asSection(partial['agent']) }] };
}

function asSection(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}

const agentFields = SCHEMA.agents.fields;
const LEGACY_SCHEMA: Fields = {
  ...SCHEMA,
  agent: {
    kind: 'section',
    name: 'agent',
    doc: 'The one agent, in the form from before there were several.',
    fields: {
      ...agentFields,
      id: { ...agentFields.id, default: LEGACY_AGENT_DEFAULTS.id },
      type: { ...agentFields.type, default: LEGACY_AGENT_DEFAULTS.type },
    },
  },
};
