export { type CachedKind, clearCache, listCache } from './folder.js';
export { type RecordKind, squashSize } from './kind.js';
export { type CacheUse, formatBytes, openCache, requireCacheFolder } from './open.js';
export type { RecordCache } from './shared.js';
