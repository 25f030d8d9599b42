export { drawSpecies, type PictureOptions } from './picture.js';
export { herbariumSpecies, type Species, type SpeciesOptions } from './species.js';
export type { KeyTrait, Traits } from './traits.js';
