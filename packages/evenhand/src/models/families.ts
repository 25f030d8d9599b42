import { describeValue } from '../printable.js';
import { suggest } from '../suggest.js';
import { CONVNEXT } from './families/convnext.js';
import { EFFICIENTNET } from './families/efficientnet-family.js';
import { MOBILENET } from './families/mobilenet-family.js';
import { REGNET } from './families/regnet.js';
import { RESNET } from './families/resnet.js';
import { ROTARY_VIT } from './families/rotary.js';
import { SWIN } from './families/swin.js';
import { VIT } from './families/vit-family.js';
import type { Family } from './family.js';

const FAMILIES: readonly Family[] = [CONVNEXT, EFFICIENTNET, MOBILENET, ROTARY_VIT, REGNET, RESNET, SWIN, VIT];

const byArchitecture = new Map(
  FAMILIES.flatMap((family) => family.architectures.map((name) => [name, family] as const)),
);

/** The names of all architectures. */
export function architectureNames(): string[] {
  return [...byArchitecture.keys()];
}

/** The family of an architecture. @throws RangeError if it is unknown, with the nearest name */
export function familyOf(architecture: string): Family {
  const family = byArchitecture.get(architecture);
  if (family) return family;
  const likely = suggest(architecture, architectureNames());
  const hint =
    likely === undefined
      ? `the families are ${FAMILIES.map(({ name }) => name).join(', ')}.`
      : `did you mean ${likely}?`;
  throw new RangeError(`Unknown architecture ${describeValue(architecture)}; ${hint}`);
}
