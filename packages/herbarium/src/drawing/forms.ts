import type { Centre, Profile, Tip } from '../traits.js';
import type { Range } from './chance.js';

/** What the genera of a form have in common, and the ranges in which they differ. Angles in degrees. */
export interface Form {
  /** Number of petals per layer; species can differ in it if there are several. */
  readonly petals: readonly number[];
  readonly layers: readonly number[];
  readonly profiles: readonly Profile[];
  readonly tips: readonly Tip[];
  /** Half the width of a petal relative to its length. */
  readonly width: Range;
  /** Angle at which a petal rises from the flower's plane at its base, and its change up to the tip. */
  readonly rise: Range;
  readonly bend: Range;
  /** How much steeper each inner layer is. */
  readonly lift: number;
  readonly curl: Range;
  readonly ruffle: Range;
  readonly twist: Range;
  readonly centres: readonly Centre[];
  /** Size of the centre relative to the length of a petal. */
  readonly heart: Range;
  readonly growth: 'single' | 'umbel' | 'spike' | 'face';
  /** Largest angle at which flowers face away from the viewer, and whether they hang. */
  readonly tilt: number;
  readonly hanging?: boolean;
  /** The marks that are visible on such petals. */
  readonly marks: readonly ('eye' | 'spots' | 'veins' | 'edge')[];
}

const FORM: Form = {
  petals: [5],
  layers: [1],
  profiles: ['obovate'],
  tips: ['round'],
  width: [0.3, 0.4],
  rise: [5, 20],
  bend: [-10, 10],
  lift: 14,
  curl: [0.05, 0.25],
  ruffle: [0, 0.06],
  twist: [-0.05, 0.05],
  centres: ['stamens'],
  heart: [0.16, 0.22],
  growth: 'single',
  tilt: 58,
  marks: ['eye', 'spots', 'veins', 'edge'],
};

/** One row per form, as changes of `FORM`. */
export const FORMS: Readonly<Record<string, Form>> = {
  anemone: { ...FORM, petals: [5, 6, 8], tips: ['round', 'pointed', 'notched'], centres: ['ring', 'stamens'] },
  daisy: {
    ...FORM,
    petals: [12, 17, 25],
    profiles: ['linear'],
    tips: ['round', 'pointed', 'toothed'],
    width: [0.1, 0.15],
    rise: [-2, 12],
    centres: ['disc'],
    heart: [0.24, 0.36],
    marks: ['eye', 'edge'],
  },
  poppy: {
    ...FORM,
    petals: [4, 6],
    profiles: ['orbicular'],
    tips: ['round', 'fringed'],
    width: [0.52, 0.62],
    rise: [22, 38],
    bend: [-15, 25],
    ruffle: [0.12, 0.2],
    centres: ['ring'],
    heart: [0.2, 0.27],
    marks: ['eye', 'spots', 'edge'],
  },
  lily: {
    ...FORM,
    petals: [6],
    profiles: ['lanceolate'],
    tips: ['pointed'],
    width: [0.2, 0.27],
    rise: [38, 50],
    bend: [-75, -45],
    centres: ['long'],
    heart: [0.45, 0.6],
  },
  tulip: {
    ...FORM,
    petals: [3],
    layers: [2],
    profiles: ['ovate'],
    tips: ['round', 'pointed', 'fringed'],
    width: [0.4, 0.48],
    rise: [52, 62],
    bend: [10, 30],
    lift: 4,
    curl: [0.3, 0.45],
    marks: ['edge', 'veins', 'eye'],
    tilt: 68,
  },
  daffodil: {
    ...FORM,
    petals: [6],
    profiles: ['ovate', 'lanceolate'],
    tips: ['pointed', 'round'],
    width: [0.26, 0.34],
    rise: [0, 12],
    centres: ['corona'],
    heart: [0.32, 0.5],
    marks: ['edge'],
  },
  pinwheel: {
    ...FORM,
    petals: [4, 5, 7],
    profiles: ['spatulate', 'obovate'],
    tips: ['round', 'cut'],
    width: [0.34, 0.4],
    twist: [0.35, 0.5],
    centres: ['throat'],
    heart: [0.1, 0.14],
    marks: ['eye', 'edge', 'veins'],
  },
  dahlia: {
    ...FORM,
    petals: [9, 13],
    layers: [3, 5],
    profiles: ['obovate', 'lanceolate'],
    tips: ['round', 'pointed', 'notched'],
    width: [0.17, 0.24],
    rise: [2, 12],
    bend: [0, 25],
    lift: 13,
    curl: [0.3, 0.5],
    centres: ['disc'],
    heart: [0.14, 0.2],
    marks: ['edge', 'eye'],
  },
  coneflower: {
    ...FORM,
    petals: [8, 12, 16],
    profiles: ['linear', 'lanceolate'],
    tips: ['round', 'toothed', 'pointed'],
    width: [0.12, 0.17],
    rise: [-5, 5],
    bend: [-45, -20],
    centres: ['cone'],
    heart: [0.28, 0.36],
    tilt: 66,
    marks: ['eye', 'veins'],
  },
  bellflower: {
    ...FORM,
    petals: [5],
    profiles: ['ovate'],
    tips: ['pointed'],
    width: [0.4, 0.46],
    rise: [72, 80],
    bend: [-70, -45],
    curl: [0.25, 0.4],
    centres: ['throat'],
    growth: 'spike',
    tilt: 74,
    hanging: true,
    marks: ['edge', 'veins', 'spots'],
  },
  pansy: {
    ...FORM,
    petals: [5],
    profiles: ['orbicular'],
    width: [0.5, 0.58],
    tips: ['round', 'fringed'],
    rise: [0, 10],
    ruffle: [0.05, 0.12],
    centres: ['throat'],
    heart: [0.09, 0.12],
    growth: 'face',
    tilt: 40,
  },
  primrose: {
    ...FORM,
    petals: [5],
    profiles: ['obovate', 'spatulate'],
    tips: ['notched', 'round', 'pointed'],
    width: [0.36, 0.42],
    centres: ['throat'],
    heart: [0.12, 0.16],
    growth: 'umbel',
    marks: ['eye', 'edge'],
  },
  borage: {
    ...FORM,
    petals: [5, 6, 8],
    profiles: ['lanceolate', 'ovate'],
    tips: ['pointed'],
    width: [0.2, 0.28],
    rise: [-5, 15],
    bend: [-25, 5],
    centres: ['long', 'stamens'],
    heart: [0.24, 0.32],
    marks: ['veins', 'eye', 'edge'],
  },
  camellia: {
    ...FORM,
    petals: [5, 7],
    layers: [2, 3, 4],
    profiles: ['orbicular'],
    tips: ['round', 'notched'],
    width: [0.42, 0.5],
    rise: [8, 18],
    bend: [10, 40],
    lift: 15,
    curl: [0.25, 0.4],
    ruffle: [0.03, 0.1],
    centres: ['stamens'],
    heart: [0.16, 0.22],
    marks: ['edge', 'veins', 'spots'],
  },
  passionflower: {
    ...FORM,
    petals: [8, 10],
    profiles: ['ovate', 'lanceolate'],
    tips: ['round', 'pointed'],
    width: [0.2, 0.25],
    rise: [-8, 4],
    centres: ['fringe'],
    heart: [0.55, 0.68],
    marks: ['edge', 'veins'],
  },
  iris: {
    ...FORM,
    petals: [3],
    layers: [2],
    profiles: ['obovate', 'ovate'],
    tips: ['round', 'pointed'],
    width: [0.3, 0.38],
    rise: [18, 26],
    bend: [-85, -60],
    lift: 62,
    ruffle: [0.1, 0.18],
    centres: ['throat'],
    heart: [0.08, 0.1],
    tilt: 62,
    marks: ['veins', 'spots', 'edge', 'eye'],
  },
  delphinium: {
    ...FORM,
    petals: [5, 7],
    profiles: ['ovate', 'obovate'],
    tips: ['round', 'pointed'],
    width: [0.32, 0.4],
    centres: ['throat', 'stamens'],
    heart: [0.16, 0.22],
    growth: 'spike',
    tilt: 50,
    marks: ['eye', 'edge'],
  },
  cosmos: {
    ...FORM,
    petals: [6, 8, 10],
    profiles: ['obovate'],
    tips: ['toothed', 'notched', 'round'],
    width: [0.24, 0.3],
    rise: [0, 14],
    centres: ['disc'],
    heart: [0.15, 0.2],
    marks: ['eye', 'edge', 'veins'],
  },
};
