// Means and standard deviations of pixels in [0, 1] by which pretrained weights expect images to be normalised.

/** Those of ImageNet's training images, as torchvision and timm give them. */
export const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
/** timm's `IMAGENET_INCEPTION_MEAN` and `_STD`. */
export const HALF = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
/** OpenAI's, for CLIP. */
export const CLIP = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
} as const;
