// The bill of materials of a release in CycloneDX 1.6, the same text for the same release. Pure.
import { createHash } from 'node:crypto';

/** `sha512-BASE64` → CycloneDX's hashes; none for another form. */
function hashesOf(integrity) {
  const [, algorithm, base64] = /^sha(256|512)-([A-Za-z0-9+/=]+)$/.exec(integrity) ?? [];
  return base64 ? [{ alg: `SHA-${algorithm}`, content: Buffer.from(base64, 'base64').toString('hex') }] : [];
}

/** SPDX has words for one licence and for expressions of several, and CycloneDX a field for each. */
const licenseOf = (text) => (/\s/.test(text) ? { expression: text } : { license: { id: text } });

/** `@grpc/grpc-js` → `pkg:npm/%40grpc/grpc-js@1.2.3`, as the package URL's rules have it. */
const purlOf = (name, version) => `pkg:npm/${name.replace('@', '%40')}@${version}`;

function packageComponent({ name, version, license, integrity }) {
  const purl = purlOf(name, version);
  const hashes = hashesOf(integrity);
  const [scope, base] = name.startsWith('@') ? name.split('/') : ['', name];
  return {
    type: 'library',
    'bom-ref': purl,
    ...(scope ? { group: scope } : {}),
    name: base,
    version,
    scope: 'required',
    ...(hashes.length > 0 ? { hashes } : {}),
    licenses: [licenseOf(license)],
    purl,
  };
}

/** The binary itself is what is hashed: it is what the release carries. */
function nodeComponent({ version, binary }) {
  return {
    type: 'platform',
    'bom-ref': `pkg:generic/node@${version}`,
    name: 'node',
    version,
    scope: 'required',
    hashes: [{ alg: 'SHA-256', content: createHash('sha256').update(binary).digest('hex') }],
    licenses: [{ license: { name: 'Node.js license' } }],
    purl: `pkg:generic/node@${version}`,
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
  };
}

/** A UUID of version 8, made of what it names: the same release has the same. */
function serialOf(text) {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** `time`: when the sources are from, null where nobody says. `node`: null where the release carries none. */
export function sbomOf({ version, arch, packages, node, time }) {
  const self = `pkg:generic/daemon@${version}?arch=${arch}&os=linux`;
  const components = [...packages.map(packageComponent), ...(node ? [nodeComponent(node)] : [])];
  const bill = {
    version: 1,
    metadata: {
      ...(time ? { timestamp: time.toISOString() } : {}),
      component: { type: 'application', 'bom-ref': self, name: 'daemon', version, purl: self },
    },
    components,
    dependencies: [
      { ref: self, dependsOn: components.map((component) => component['bom-ref']) },
      ...components.map((component) => ({ ref: component['bom-ref'] })),
    ],
  };
  const serialNumber = `urn:uuid:${serialOf(JSON.stringify(bill))}`;
  const head = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
  };
  return `${JSON.stringify({ ...head, serialNumber, ...bill }, null, 2)}\n`;
}
