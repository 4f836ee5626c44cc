/**
 * What becomes of each entry of an archive, decided from its header alone, in the archive's order. Pure. It keeps
 * what is there so far, so that nothing is made twice, below a file or through a link: a parent is always a folder
 * that this archive made. It does not see contents: whoever writes counts those against the size that it let pass.
 */
import type { UnpackLimits } from '../../shared/contracts/pool-tasks.ts';
import { leadsOutside, parseName, parseTarget, shown } from './unpack-names.ts';

/** As the archive has it; nothing of it is trusted. */
export interface EntryHeader {
  name: string;
  /** `file`, `directory`, `symlink`, `link`, or something that is refused. */
  type: string;
  mode: number;
  size: number;
  mtime: Date;
  linkName: string;
  /** The keys of an extended header. */
  records: string[];
}

/** Paths are relative to the root, which is '' itself. Folders are to be made first, outermost first. */
export type Step =
  | { act: 'refuse'; reason: string }
  | { act: 'none' }
  | { act: 'folder'; folders: string[]; path: string; mtime: Date }
  | { act: 'file'; folders: string[]; path: string; mtime: Date; executable: boolean }
  | { act: 'link'; folders: string[]; path: string; to: string }
  | { act: 'symlink'; folders: string[]; path: string };

/** `implied` is a folder that some entry lies in and that has had no entry of its own yet. */
type Kind = 'implied' | 'folder' | 'file' | 'symlink';

const SPECIAL_BITS = 0o7000;
const OWNER_EXECUTES = 0o100;

export class ArchiveTree {
  readonly #limits: UnpackLimits;
  readonly #made = new Map<string, Kind>();
  readonly #targets = new Map<string, { text: string; parts: string[] }>();
  #root = '';
  #bytes = 0;

  constructor(limits: UnpackLimits) {
    this.#limits = limits;
  }

  /** Empty as long as there was no entry. */
  get root(): string {
    return this.#root;
  }

  /** What the entry asks for, taken as done by the caller; or why the archive is refused, naming the entry. */
  take(header: EntryHeader): Step {
    const step = this.#decide(header);
    return step.act === 'refuse' ? { ...step, reason: `its entry ${shown(header.name)} ${step.reason}` } : step;
  }

  /** After the last entry: the symbolic links to be made, or why the archive is refused. */
  finish(): { symlinks: { path: string; target: string }[] } | { reason: string } {
    if (this.#made.get('') === undefined) return { reason: 'it has no root folder' };
    const targets = new Map([...this.#targets].map(([path, { parts }]) => [path, parts]));
    for (const [path, { text }] of this.#targets) {
      const why = leadsOutside(path, targets);
      if (why) return { reason: `its symbolic link ${shown(`${this.#root}/${path}`)} to ${shown(text)} ${why}` };
    }
    return { symlinks: [...this.#targets].map(([path, { text }]) => ({ path, target: text })) };
  }

  #decide(header: EntryHeader): Step {
    const why = unusable(header);
    if (why) return refuse(why);
    const name = parseName(header.name);
    if ('reason' in name) return refuse(`has a name that ${name.reason}`);
    if (header.type !== 'directory' && header.name.endsWith('/')) return refuse('has the name of a folder and is none');
    const [root, ...parts] = name.parts;
    if (root === undefined) {
      return header.type === 'directory' ? { act: 'none' } : refuse('has a name that is not one'); // `./` of a folder
    }
    if (this.#root !== '' && root !== this.#root)
      return refuse(`lies beside ${shown(this.#root)}: a package has one root folder`);
    if (parts.length === 0 && header.type !== 'directory')
      return refuse('lies beside the root folder: a package has one root folder and nothing else');
    this.#root = root;
    return this.#place(header, parts);
  }

  #place(header: EntryHeader, parts: string[]): Step {
    const path = parts.join('/');
    const isFolder = header.type === 'directory';
    const depth = isFolder ? parts.length : parts.length - 1;
    if (depth > this.#limits.maxDepth) return refuse(`lies deeper than ${this.#limits.maxDepth} folders`);

    const folders: string[] = [];
    for (let length = 0; length < parts.length; length++) {
      const parent = parts.slice(0, length).join('/');
      const kind = this.#made.get(parent);
      if (kind === undefined) folders.push(parent);
      else if (kind === 'symlink') return refuse(`lies behind the symbolic link ${shown(parent)}`);
      else if (kind === 'file') return refuse(`lies below ${shown(parent)}, which is a file`);
    }
    const there = this.#made.get(path);
    if (there !== undefined && !(isFolder && there === 'implied')) {
      const same = isFolder === (there === 'folder' || there === 'implied');
      return refuse(same ? 'is there twice' : 'is there as a folder and as something else');
    }
    const others = this.#made.size + folders.length - 1; // without the root
    if (others + (there === undefined ? 1 : 0) > this.#limits.maxFiles)
      return refuse(`is one more than the ${this.#limits.maxFiles} files and folders that are allowed`);

    const step = this.#stepFor(header, folders, path);
    if (step.act === 'refuse') return step;
    for (const folder of folders) this.#made.set(folder, 'implied');
    this.#made.set(path, step.act === 'folder' || step.act === 'symlink' ? step.act : 'file');
    if (there === undefined && step.act === 'folder') step.folders.push(path);
    return step;
  }

  #stepFor({ type, size, mode, mtime, linkName }: EntryHeader, folders: string[], path: string): Step {
    if (type === 'directory') return { act: 'folder', folders, path, mtime };
    if (type === 'file') {
      this.#bytes += size;
      if (this.#bytes > this.#limits.maxBytes)
        return refuse(`brings the content to more than the ${this.#limits.maxBytes} bytes that are allowed`);
      return { act: 'file', folders, path, mtime, executable: (mode & OWNER_EXECUTES) !== 0 };
    }
    if (type === 'symlink') {
      const target = parseTarget(linkName);
      if ('reason' in target) return refuse(`is a symbolic link whose target ${shown(linkName)} ${target.reason}`);
      this.#targets.set(path, { text: linkName, parts: target.parts });
      return { act: 'symlink', folders, path };
    }
    const target = parseName(linkName);
    if ('reason' in target) return refuse(`is a hard link whose target ${shown(linkName)} ${target.reason}`);
    const to = target.parts.slice(1).join('/');
    if (target.parts[0] !== this.#root || this.#made.get(to) !== 'file')
      return refuse(`is a hard link to ${shown(linkName)}, which is no file that came before it`);
    return { act: 'link', folders, path, to };
  }
}

function refuse(reason: string): Step {
  return { act: 'refuse', reason };
}

/** What is wrong with a header whatever the others say. */
function unusable({ type, mode, size, mtime, records }: EntryHeader): string | null {
  if (!['file', 'directory', 'symlink', 'link'].includes(type)) return `is of the type ${type}, which is not allowed`;
  if (records.some((key) => key.startsWith('GNU.sparse.'))) return 'is a sparse file, which is not allowed';
  if (!Number.isSafeInteger(mode) || !Number.isSafeInteger(size) || size < 0 || Number.isNaN(mtime.getTime()))
    return 'has a mode, size or time that is no number';
  if (type !== 'symlink' && (mode & SPECIAL_BITS) !== 0)
    return 'has the setuid, setgid or sticky bit, which is not allowed';
  if (type !== 'file' && size > 0) return 'has content though it is no file';
  return null;
}
