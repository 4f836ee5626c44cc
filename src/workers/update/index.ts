/** The bundle of the updates' tasks: one exported function a kind. */
import type { PoolApi } from '../../shared/contracts/pool-tasks.ts';
import { task } from '../answer.ts';
import { downloadPackage } from './download.ts';
import { inspectPackage } from './inspect.ts';
import { hashKept as hashOf, keep as keepAt } from './keep.ts';
import { place as placeAt } from './place.ts';
import { unpack as unpackTo } from './unpack.ts';
import { verifyManifest as checkManifest } from './verify-manifest.ts';
import { verifyPackage as checkPackage } from './verify-package.ts';

export const download: PoolApi['download'] = task<'download'>(downloadPackage);
export const verifyManifest: PoolApi['verifyManifest'] = task<'verifyManifest'>(checkManifest);
export const verifyPackage: PoolApi['verifyPackage'] = task<'verifyPackage'>(checkPackage);
export const inspect: PoolApi['inspect'] = task<'inspect'>(inspectPackage);
export const unpack: PoolApi['unpack'] = task<'unpack'>(unpackTo);
export const place: PoolApi['place'] = task<'place'>(placeAt);
export const keep: PoolApi['keep'] = task<'keep'>(keepAt);
export const hashKept: PoolApi['hashKept'] = task<'hashKept'>(hashOf);
