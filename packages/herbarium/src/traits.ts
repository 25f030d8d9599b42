import type { Colour } from './drawing/colour.js';

/** The outline of a petal from base to tip. */
export type Profile = 'linear' | 'lanceolate' | 'ovate' | 'obovate' | 'orbicular' | 'spatulate';

/** The shape of a petal's tip; `cut` is straight and oblique. */
export type Tip = 'round' | 'pointed' | 'notched' | 'fringed' | 'toothed' | 'cut';

/** The centre of a flower. */
export type Centre = 'disc' | 'cone' | 'stamens' | 'long' | 'ring' | 'corona' | 'throat' | 'fringe';

export type Eye = 'none' | 'pale' | 'dark' | 'golden';
export type Spots = 'none' | 'freckles' | 'blotch' | 'scattered';
export type Veins = 'none' | 'bold';
export type Edge = 'none' | 'pale' | 'dark';
export type HeartColour = 'gold' | 'wine' | 'lime' | 'ivory';
export type LeafShape = 'linear' | 'lanceolate' | 'ovate' | 'heart' | 'lobed' | 'pinnate';

/** The appearance of a species, as plain values, so that species can be compared and stored. */
export interface Traits {
  /** A key of `FORMS`. */
  readonly form: string;
  /** Number of petals per layer. */
  readonly petals: number;
  readonly layers: number;
  readonly tip: Tip;
  readonly colour: Colour;
  /** A zone of another colour around the centre. */
  readonly eye: Eye;
  readonly spots: Spots;
  readonly veins: Veins;
  /** A margin of another colour. */
  readonly edge: Edge;
  readonly heartColour: HeartColour;
  readonly profile: Profile;
  /** Half the width of a petal relative to its length. */
  readonly width: number;
  /** Angle at which a petal rises at its base, in degrees, and how much it changes up to the tip. */
  readonly rise: number;
  readonly bend: number;
  readonly curl: number;
  readonly ruffle: number;
  readonly twist: number;
  /** Increase in lightness from base to tip. */
  readonly fade: number;
  readonly centre: Centre;
  /** Size of the centre relative to the length of a petal. */
  readonly heart: number;
  readonly leaf: LeafShape;
  readonly leafColour: Colour;
}

/** The traits in which the species of a genus can differ; two of them are the key of a genus. */
export const KEY_TRAITS = [
  'petals',
  'layers',
  'tip',
  'colour',
  'eye',
  'spots',
  'veins',
  'edge',
  'heartColour',
] as const;
export type KeyTrait = (typeof KEY_TRAITS)[number];

const colour = (l: number, c: number, h: number): Colour => ({ l, c, h });

/** Petal colours ordered by hue; neighbours are similar, every second one is clearly different. */
export const PETAL_COLOURS: readonly Colour[] = [
  colour(0.96, 0.012, 100),
  colour(0.94, 0.06, 98),
  colour(0.89, 0.165, 98),
  colour(0.83, 0.165, 80),
  colour(0.85, 0.095, 62),
  colour(0.73, 0.18, 53),
  colour(0.7, 0.17, 32),
  colour(0.56, 0.22, 27),
  colour(0.79, 0.12, 8),
  colour(0.47, 0.185, 14),
  colour(0.85, 0.08, 350),
  colour(0.65, 0.21, 355),
  colour(0.55, 0.22, 338),
  colour(0.77, 0.12, 325),
  colour(0.46, 0.17, 315),
  colour(0.72, 0.13, 303),
  colour(0.5, 0.2, 292),
  colour(0.81, 0.08, 292),
  colour(0.53, 0.19, 270),
  colour(0.73, 0.12, 255),
  colour(0.9, 0.04, 240),
];

export const HEART_COLOURS: Readonly<Record<HeartColour, Colour>> = {
  gold: colour(0.83, 0.17, 85),
  wine: colour(0.33, 0.1, 5),
  lime: colour(0.78, 0.16, 125),
  ivory: colour(0.94, 0.04, 95),
};
