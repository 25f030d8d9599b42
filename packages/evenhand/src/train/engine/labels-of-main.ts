import { computedOnce, type Group, isMain } from './group.js';
import type { SoftLabels } from './state.js';

/** The training targets of rank 0, which alone judges labels or reads a judgement. */
export function labelsOfMain(group: Group, labels: SoftLabels | null): SoftLabels {
  if (!group) return labels!;
  const isThere = computedOnce(group, () => ({ train: labels!.train !== null, val: labels!.val !== null }));
  const copyOf = (part: 'train' | 'val'): Float32Array | null => {
    if (!isThere[part]) return null;
    const own = labels?.[part];
    const bytes = group.broadcastBytes(
      isMain(group) ? new Uint8Array(own!.buffer, own!.byteOffset, own!.byteLength) : null,
    );
    return new Float32Array(bytes.slice().buffer);
  };
  return { train: copyOf('train'), val: copyOf('val') };
}
