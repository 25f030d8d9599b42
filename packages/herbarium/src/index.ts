// Herbarium: a generated data set of made-up flowers. docs/herbarium.md shows them.
export { type HerbariumOptions, type HerbariumSummary, writeHerbarium } from './dataset.js';
export { drawSpecies, type ImageOptions } from './image.js';
export { herbariumSpecies, type Species, type SpeciesOptions } from './species.js';
export type { KeyTrait, Traits } from './traits.js';
