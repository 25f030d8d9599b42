// Random transforms of 8-bit RGB images, without libtorch. setup/build.ts compiles them without fused multiply-add, which rounds
// differently, so the result is the same on every processor.
#pragma once

#include <cstdint>
#include <vector>

namespace evenhand {

struct Image {
  const uint8_t* data;  // [height, width, 3]
  int width;
  int height;
};

// A rectangle within an image, in pixels that may be fractional.
struct Box {
  double left, top, right, bottom;
};

enum class Filter { Bilinear, Bicubic };

// The numbers are those of `OPERATIONS` in src/image.ts.
enum class Op { Brightness, Contrast, Saturation, Hue, Sharpness, Posterize, Solarize, AutoContrast, Equalize, Affine, Erase, Count };

constexpr int kOperationArguments = 7;

struct Operation {
  Op op;
  double arguments[kOperationArguments];
};

struct Augmentation {
  Box box;
  int size;
  Filter filter;
  bool flipHorizontally;
  bool flipVertically;
  std::vector<Operation> operations;
};

// The box, resized and flipped, as size x size pixels of one 32-bit number each: red in the lowest byte, the highest is 0.
void resize(const Image& image, const Augmentation& augmentation, uint32_t* out);

// Writes [size, size, 3] to `out`. The box must lie in the image, and the arguments must be those that src/image.ts describes.
void augment(const Image& image, const Augmentation& augmentation, uint8_t* out);

}  // namespace evenhand
