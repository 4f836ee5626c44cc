import { expect, test } from 'vitest';
import { dmiCloud, isVirtualMaker } from '../../../../src/workers/collect/dmi-names.ts';

const NONE = { sysVendor: '', productName: '', biosVendor: '', biosVersion: '', chassisAssetTag: '' };

test.each([
  [{}, ''],
  [{ sysVendor: 'Example Computers Inc.', productName: 'Server 1' }, ''],
  [{ sysVendor: 'Amazon EC2', productName: 'm5.large' }, 'aws'],
  [{ sysVendor: 'Xen', productName: 'HVM domU', biosVersion: '4.11.amazon' }, 'aws'],
  [{ sysVendor: 'Xen', productName: 'HVM domU', biosVersion: '4.11' }, ''],
  [{ sysVendor: 'Google', productName: 'Google Compute Engine' }, 'gcp'],
  [{ sysVendor: 'Google', productName: 'Notebook' }, ''],
  [{ sysVendor: 'Microsoft Corporation', chassisAssetTag: '7783-7084-3265-9085-8269-3286-77' }, 'azure'],
  [{ sysVendor: 'Microsoft Corporation', productName: 'Virtual Machine' }, ''],
  [{ sysVendor: 'DigitalOcean', productName: 'Droplet' }, 'digitalocean'],
  [{ sysVendor: 'Hetzner', productName: 'vServer' }, 'hetzner'],
  [{ sysVendor: 'OpenStack Foundation', productName: 'OpenStack Nova' }, 'openstack'],
  [{ sysVendor: 'Red Hat', productName: 'OpenStack Compute' }, 'openstack'],
  [{ sysVendor: 'Alibaba Cloud', productName: 'Alibaba Cloud ECS' }, 'alibaba'],
  [{ productName: 'Alibaba Cloud ECS' }, 'alibaba'],
  [{ sysVendor: 'QEMU', chassisAssetTag: 'OracleCloud.com' }, 'oracle'],
])('%j is of: %s', (names, expected) => {
  expect(dmiCloud({ ...NONE, ...names })).toBe(expected);
});

test.each([
  ['QEMU', true],
  ['Example Computers Inc.', false],
])('%s makes virtual machines: %s', (sysVendor, expected) => {
  expect(isVirtualMaker({ ...NONE, sysVendor })).toBe(expected);
});
