// A tar.gz that is the same bytes for the same files: one order, owner, time and way of packing.
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** Each folder on the way to the files, the outer ones first: `bin/`, `share/`, `share/configs/`. */
function foldersOf(paths) {
  const folders = paths.flatMap((path) => {
    const parts = path.split('/').slice(0, -1);
    return parts.map((_, index) => `${parts.slice(0, index + 1).join('/')}/`);
  });
  return [...new Set(folders)].sort();
}

/** `files`: path below `root` → content and mode. `mtime` is of every entry. */
export async function writeArchive(path, { root, files, mtime }) {
  const { pack } = await import('tar-stream'); // not before setUp: a fresh clone does not have it
  const same = { mtime, uid: 0, gid: 0 };
  const packing = pack();
  for (const folder of ['', ...foldersOf([...files.keys()])]) {
    packing.entry({ ...same, name: `${root}/${folder}`, type: 'directory', mode: 0o755 });
  }
  for (const [name, { content, mode }] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    packing.entry({ ...same, name: `${root}/${name}`, type: 'file', mode }, content);
  }
  packing.finalize();
  // node's gzip header has neither a name nor a time
  await pipeline(packing, createGzip({ level: 9 }), createWriteStream(path));
}
