// Which packages of node_modules a bundle really holds, by what esbuild says of its output. Pure.

/** `node_modules/a/node_modules/@b/c/lib/x.js` → `node_modules/a/node_modules/@b/c`; null for what is no package's. */
function packageFolder(path) {
  const at = path.lastIndexOf('node_modules/');
  if (at < 0) return null;
  const [first, second] = path.slice(at + 'node_modules/'.length).split('/');
  const name = first.startsWith('@') ? `${first}/${second}` : first;
  // from the first node_modules on: the folder may be linked to from elsewhere
  return `${path.slice(path.indexOf('node_modules/'), at)}node_modules/${name}`;
}

/** Folders below the project's root, sorted. What was read and then left out whole is not among them. */
export function packagesIn({ outputs }) {
  const folders = Object.values(outputs)
    .flatMap(({ inputs }) => Object.entries(inputs))
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([path]) => packageFolder(path));
  return [...new Set(folders.filter((folder) => folder !== null))].sort();
}
