import type { Point } from './canvas.js';

export type Vec3 = readonly [x: number, y: number, z: number];

/** Position and orientation of a flower: x to the right, y up, z to the viewer. */
export interface Pose {
  readonly centre: Point;
  /** Length in the image of a length of 1 in the flower. */
  readonly scale: number;
  /** The flower's axes in the viewer's coordinates: two in its plane, and its normal. */
  readonly right: Vec3;
  readonly up: Vec3;
  readonly axis: Vec3;
}

/** Direction of the light, and its strength relative to the sky. */
export interface Light {
  readonly from: Vec3;
  readonly strength: number;
}

/**
 * @param tilt angle between the flower's axis and the line to the viewer, in radians: 0 faces the viewer
 * @param towards direction in the image in which the axis leans, in radians, counter-clockwise from the right
 */
export function poseOf(centre: Point, scale: number, tilt: number, towards: number): Pose {
  const axis: Vec3 = [Math.sin(tilt) * Math.cos(towards), Math.sin(tilt) * Math.sin(towards), Math.cos(tilt)];
  // The upward direction of the image, projected onto the flower's plane, so that its top stays at the top.
  const along = axis[1];
  const up = unit([-along * axis[0], 1 - along * axis[1], -along * axis[2]]);
  return { centre, scale, axis, up, right: cross(up, axis) };
}

/** A point of the flower in the viewer's coordinates. */
export function turned({ right, up, axis }: Pose, [x, y, z]: Vec3): Vec3 {
  return [
    x * right[0] + y * up[0] + z * axis[0],
    x * right[1] + y * up[1] + z * axis[1],
    x * right[2] + y * up[2] + z * axis[2],
  ];
}

/** Projects a point in the viewer's coordinates onto the image, with perspective. */
export function project({ centre, scale }: Pose, [x, y, z]: Vec3): Point {
  const near = scale / (1 - 0.2 * z);
  return [centre[0] + x * near, centre[1] - y * near];
}

export const place = (pose: Pose, point: Vec3): Point => project(pose, turned(pose, point));

/** Brightness of a surface with this unit normal, about 0.6 to 1.15; light from behind shines through petals. */
export function shade({ from, strength }: Light, normal: Vec3): number {
  const facing = dot(from, normal);
  const diffuse = facing > 0 ? facing : -0.35 * facing;
  return 1.02 - strength * 0.42 + strength * 0.56 * diffuse;
}

export const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

export const minus = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];

export function cross(a: Vec3, b: Vec3): Vec3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

export function unit(a: Vec3): Vec3 {
  const length = Math.hypot(...a) || 1;
  return [a[0] / length, a[1] / length, a[2] / length];
}
