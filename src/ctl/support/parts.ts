/** What goes into a bundle: a name, and how it is made. A part that cannot be had is told, and the others go on. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { arch, cpus, freemem, hostname, version as kernel, loadavg, release, totalmem, uptime } from 'node:os';
import { dirname, join } from 'node:path';
import type { Config } from '../../shared/config/schema.ts';
import type { ControlVerb, ControlVerbs } from '../../shared/contracts/control.ts';
import { readProcFile } from '../../shared/platform/proc.ts';
import { VERSION } from '../../shared/version.ts';
import { ask } from '../client.ts';
import { examine } from '../doctor/examine.ts';
import { findingsTable, summary } from '../doctor/render.ts';
import { renderTable } from '../text/table.ts';
import { plain } from '../text/terminal.ts';
import { askedTail, readTail } from './log-tail.ts';
import { withoutSecrets } from './secrets.ts';

export interface Part {
  name: string;
  /** Rejects where it cannot be had. */
  make(): Promise<string>;
}

export interface PartsOptions {
  socket: string;
  configFile: string;
  /** Null where it cannot be read, or is invalid. */
  config: Config | null;
  /** Of the configuration file, in its own keys. */
  effective: object | null;
  agentIds: readonly string[];
  /** 0: none runs. */
  daemonPid: number;
  nowMs: number;
  /** Ends questions that are under way. */
  signal: AbortSignal;
}

const ANSWER_MS = 10_000;
const MOST_EVENTS = 1000;
const PROC_BYTES = 64 * 1024;

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** The daemon's answer, or what `otherwise` gives where it does not answer. */
async function askedOr(asked: () => Promise<string>, otherwise: (() => Promise<string>) | null): Promise<string> {
  try {
    return await asked();
  } catch (error) {
    if (!otherwise) throw error;
    return otherwise();
  }
}

function answers({ socket, agentIds, signal }: PartsOptions): Part[] {
  const part = <V extends ControlVerb>(name: string, verb: V, input: ControlVerbs[V]['input']): Part => ({
    name,
    make: async () => json(await ask(socket, verb, input, { timeoutMs: ANSWER_MS, signal })),
  });
  return [
    part('status.json', 'status', {}),
    part('agents.json', 'agents', {}),
    ...agentIds.map((agentId) => part(`health/${agentId}.json`, 'health', { agentId, fresh: false })),
    part('link.json', 'link', {}),
    part('updates.json', 'updateStatus', {}),
    part('metrics.json', 'metrics', { fresh: false }),
    {
      name: 'events.jsonl',
      make: async () => {
        const read = (after: number) =>
          ask(socket, 'events', { after, limit: MOST_EVENTS, waitMs: 0 }, { timeoutMs: ANSWER_MS, signal });
        const { newest } = await read(0);
        const { events } = await read(Math.max(0, newest - MOST_EVENTS));
        return events.map((event) => `${JSON.stringify(event)}\n`).join('');
      },
    },
  ];
}

function configuration({ socket, configFile, effective, signal }: PartsOptions): Part {
  const asYaml = async (plainConfig: object, whose: string): Promise<string> => {
    const { stringify } = await import('yaml');
    return `# ${whose}\n${stringify(withoutSecrets(plainConfig), { lineWidth: 0 })}`;
  };
  return {
    name: 'config.yaml',
    make: () =>
      askedOr(
        async () => asYaml((await ask(socket, 'config', {}, { timeoutMs: ANSWER_MS, signal })).effective, 'in force'),
        effective && (() => asYaml(effective, `of ${configFile}: the daemon did not answer`)),
      ),
  };
}

function logs({ socket, config, agentIds, signal }: PartsOptions): Part[] {
  const part = (name: string, agentId: string, path: string | null): Part => ({
    name,
    make: () =>
      askedOr(
        () => askedTail(socket, agentId, { timeoutMs: ANSWER_MS, signal }),
        path === null ? null : () => readTail(path),
      ),
  });
  const own = config === null || config.daemon.logFile === '-' ? null : config.daemon.logFile;
  return [
    part('logs/daemon.log', '', own),
    ...agentIds.map((id) =>
      part(`logs/agents/${id}.log`, id, config && join(config.daemon.workDir, 'logs', `${id}.log`)),
    ),
  ];
}

function ofProcess(pid: number): Part[] {
  return ['status', 'smaps_rollup', 'limits'].map((file) => ({
    name: `proc/${file}`,
    make: async () => {
      if (pid === 0) throw new Error('no daemon runs');
      const text = readProcFile(`/proc/${pid}/${file}`, PROC_BYTES);
      if (text === null) throw new Error(`/proc/${pid}/${file} cannot be read by this user`);
      return text;
    },
  }));
}

async function osFacts(): Promise<string> {
  return json({
    hostName: hostname(),
    kernel: `${release()} ${kernel()}`,
    arch: arch(),
    osRelease: (await readFile('/etc/os-release', 'utf8').catch(() => '')).split('\n').filter(Boolean),
    cpus: cpus().length,
    cpuModel: cpus()[0]?.model ?? '',
    totalMemoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
    uptimeSeconds: uptime(),
    load: loadavg(),
    systemd: existsSync('/run/systemd/system'),
  });
}

export function partsOf(options: PartsOptions): Part[] {
  const { socket, configFile, daemonPid, nowMs } = options;
  return [
    {
      name: 'version.json',
      make: async () =>
        json({ daemonctl: VERSION, node: process.version, folder: dirname(process.argv[1] ?? ''), daemonPid }),
    },
    ...answers(options),
    configuration(options),
    {
      name: 'doctor.txt',
      make: async () => {
        const findings = await examine({ configFile, socket, nowMs });
        return `${await renderTable(findingsTable(findings, plain), null)}\n\n${summary(findings)}\n`;
      },
    },
    ...logs(options),
    { name: 'os.json', make: osFacts },
    ...ofProcess(daemonPid),
  ];
}
