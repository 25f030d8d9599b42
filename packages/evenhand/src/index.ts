// evenhand from TypeScript: the only door of this package.
export * from './models/index.js';
