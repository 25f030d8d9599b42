// Every value is that of Pillow, which torchvision's transforms of PIL images use: colours from `ImageEnhance`, `ImageOps`,
// `Blend.c` and `Convert.c`, affine maps from `Geometry.c`.
#include "kernels/augment.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/simd.h"

namespace evenhand {
namespace {

// Between the steps a pixel is one 32-bit number, red in its lowest byte, so that loops over pixels vectorize.
EVENHAND_INLINE int red(uint32_t pixel) { return pixel & 255; }
EVENHAND_INLINE int green(uint32_t pixel) { return pixel >> 8 & 255; }
EVENHAND_INLINE int blue(uint32_t pixel) { return pixel >> 16 & 255; }
EVENHAND_INLINE uint32_t pack(int red, int green, int blue) {
  return static_cast<uint32_t>(red) | static_cast<uint32_t>(green) << 8 | static_cast<uint32_t>(blue) << 16;
}
EVENHAND_INLINE int clip(int value) { return value < 0 ? 0 : value > 255 ? 255 : value; }

// The memory of one thread, kept between images.
struct Scratch {
  std::vector<uint32_t> pixels, spare;
};

// From `from` (factor 0) to `to` (factor 1), truncated to 8 bits.
EVENHAND_INLINE int blend(int from, int to, float factor) {
  return clip(static_cast<int>(static_cast<float>(from) + factor * static_cast<float>(to - from)));
}

// ITU-R 601-2 in 16-bit fixed point.
EVENHAND_INLINE int grey(uint32_t pixel) { return (red(pixel) * 19595 + green(pixel) * 38470 + blue(pixel) * 7471 + 0x8000) >> 16; }

// A table for each channel.
using Tables = uint8_t[3][256];

EVENHAND_INLINE void lookUp(uint32_t* pixels, size_t count, const Tables& tables) {
  for (size_t i = 0; i < count; i++) {
    pixels[i] = pack(tables[0][red(pixels[i])], tables[1][green(pixels[i])], tables[2][blue(pixels[i])]);
  }
}

template <typename Map>
EVENHAND_INLINE void mapValues(uint32_t* pixels, size_t count, Map map) {
  for (size_t i = 0; i < count; i++) pixels[i] = pack(map(red(pixels[i])), map(green(pixels[i])), map(blue(pixels[i])));
}

EVENHAND_INLINE int meanGrey(const uint32_t* pixels, size_t count) {
  uint64_t sum = 0;
  // The sum of this many fits into 32 bits.
  constexpr size_t block = 1 << 16;
  for (size_t start = 0; start < count; start += block) {
    uint32_t part = 0;
    for (size_t i = start; i < std::min(count, start + block); i++) part += grey(pixels[i]);
    sum += part;
  }
  return static_cast<int>(static_cast<double>(sum) / static_cast<double>(count) + 0.5);
}

EVENHAND_INLINE void adjustSaturation(uint32_t* pixels, size_t count, float factor) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t pixel = pixels[i];
    const int level = grey(pixel);
    pixels[i] = pack(blend(level, red(pixel), factor), blend(level, green(pixel), factor), blend(level, blue(pixel), factor));
  }
}

// value (255^2 - share) / 255^2, rounded, where value is at most 255 and share at most 255^2.
EVENHAND_INLINE int scaleDown(int value, int share) {
  constexpr int one = 255 * 255;
  const int numerator = value * (one - share) + one / 2;
  // Division in single precision may be off by one.
  const int quotient = static_cast<int>(static_cast<float>(numerator) * (1.0f / one));
  const int rest = numerator - quotient * one;
  return quotient - ((one - 1 - rest) >> 31) + (rest >> 31);
}

// -1 if two numbers from 0 on are equal, otherwise 0. From comparisons GCC would make branches, and would not vectorize the loop.
EVENHAND_INLINE int equal(int a, int b) { return ((a ^ b) - 1) >> 31; }
EVENHAND_INLINE int choose(int mask, int yes, int no) { return no ^ ((yes ^ no) & mask); }

// Turns the hue in Pillow's 8-bit HSV. Its code computes in double precision; this gives the same for every pixel.
EVENHAND_INLINE void adjustHue(uint32_t* pixels, size_t count, int turn) {
  for (size_t i = 0; i < count; i++) {
    const int r = red(pixels[i]), g = green(pixels[i]), b = blue(pixels[i]);
    const int max = std::max(std::max(r, g), b), min = std::min(std::min(r, g), b);
    const int range = max - min;
    // In sixths of the circle, the hue is up to one after the colour of the highest channel (red 0, green 2, blue 4), if the
    // channel before that (`last`) is the lowest, and otherwise up to one before it.
    const int redIsMax = equal(r, max), greenIsMax = equal(g, max);
    const int base = choose(redIsMax, 0, choose(greenIsMax, 2, 4));
    const int next = choose(redIsMax, g, choose(greenIsMax, b, r)), last = choose(redIsMax, b, choose(greenIsMax, r, g));
    const int nextIsMin = equal(next, min), side = 1 + 2 * nextIsMin;
    const float toMiddle = static_cast<float>(max - choose(nextIsMin, last, next)) / static_cast<float>(std::max(range, 1));
    const float circle = (static_cast<float>(base + side) - static_cast<float>(side) * toMiddle) / 6.0f;
    const int hue = (static_cast<int>((circle + static_cast<float>(circle < 0)) * 255.0f) + turn) & 255;
    const int saturation = static_cast<int>(static_cast<float>(range * 255) / static_cast<float>(std::max(max, 1)));

    const int six = hue * 6, sector = (six + 1 + (six >> 8)) >> 8;  // six / 255
    const int fraction = six - sector * 255;
    const int low = scaleDown(max, saturation * 255);
    const int moving = scaleDown(max, saturation * choose(-(sector & 1), fraction, 255 - fraction));
    const int newRed = choose(equal(sector, 1) | equal(sector, 4), moving, choose(equal(sector, 2) | equal(sector, 3), low, max));
    const int newGreen = choose(equal(sector, 0) | equal(sector, 3) | equal(sector, 6), moving, choose(equal(sector, 1) | equal(sector, 2), max, low));
    const int newBlue = choose(equal(sector, 2) | equal(sector, 5), moving, choose(equal(sector, 3) | equal(sector, 4), max, low));
    pixels[i] = pack(newRed, newGreen, newBlue);
  }
}

// Factor 0 is a 3 x 3 smoothing filter; the border stays as it is.
EVENHAND_INLINE void adjustSharpness(const uint32_t* source, uint32_t* target, int size, float factor) {
  std::memcpy(target, source, static_cast<size_t>(size) * size * sizeof *source);
  const int stride = size * 4;
  for (int y = 1; y < size - 1; y++) {
    const auto* in = reinterpret_cast<const uint8_t*>(source + static_cast<size_t>(y) * size);
    auto* out = reinterpret_cast<uint8_t*>(target + static_cast<size_t>(y) * size);
    for (int i = 4; i < stride - 4; i++) {
      const int above = in[i - stride - 4] + in[i - stride] + in[i - stride + 4];
      const int below = in[i + stride - 4] + in[i + stride] + in[i + stride + 4];
      const int sum = above + in[i - 4] + 5 * in[i] + in[i + 4] + below;
      // Rounded to nearest.
      out[i] = static_cast<uint8_t>(blend((2 * sum + 13) / 26, in[i], factor));
    }
  }
}

using Histogram = uint32_t[3][256];

EVENHAND_INLINE void countValues(const uint32_t* pixels, size_t count, Histogram& histogram) {
  std::memset(histogram, 0, sizeof histogram);
  for (size_t i = 0; i < count; i++) {
    histogram[0][red(pixels[i])]++;
    histogram[1][green(pixels[i])]++;
    histogram[2][blue(pixels[i])]++;
  }
}

// Stretches each channel to [0, 255].
EVENHAND_INLINE void autoContrast(uint32_t* pixels, size_t count) {
  Histogram histogram;
  countValues(pixels, count, histogram);
  Tables tables;
  for (int channel = 0; channel < 3; channel++) {
    int lowest = 0, highest = 255;
    while (histogram[channel][lowest] == 0) lowest++;
    while (histogram[channel][highest] == 0) highest--;
    const double scale = highest > lowest ? 255.0 / (highest - lowest) : 1;
    const double offset = highest > lowest ? -lowest * scale : 0;
    for (int value = 0; value < 256; value++) tables[channel][value] = static_cast<uint8_t>(clip(static_cast<int>(value * scale + offset)));
  }
  lookUp(pixels, count, tables);
}

EVENHAND_INLINE void equalize(uint32_t* pixels, size_t count) {
  Histogram histogram;
  countValues(pixels, count, histogram);
  Tables tables;
  for (int channel = 0; channel < 3; channel++) {
    int highest = 255;
    while (histogram[channel][highest] == 0) highest--;
    const int64_t step = (static_cast<int64_t>(count) - histogram[channel][highest]) / 255;
    int64_t below = step / 2;
    for (int value = 0; value < 256; value++) {
      tables[channel][value] = static_cast<uint8_t>(step == 0 ? value : std::min<int64_t>(below / step, 255));
      below += histogram[channel][value];
    }
  }
  lookUp(pixels, count, tables);
}

// Result pixel (x, y) is the source pixel at (a x + b y + c, d x + e y + f), in 16.16 fixed point; black outside of the source.
EVENHAND_INLINE void affine(const uint32_t* source, uint32_t* target, int size, const double* map) {
  const auto fixed = [](double value) { return static_cast<int32_t>(std::floor(value * 65536 + 0.5)); };
  const int32_t a = fixed(map[0]), b = fixed(map[1]), d = fixed(map[3]), e = fixed(map[4]);
  int32_t rowX = fixed(map[2] + map[0] * 0.5 + map[1] * 0.5), rowY = fixed(map[5] + map[3] * 0.5 + map[4] * 0.5);
  for (int y = 0; y < size; y++, rowX += b, rowY += e) {
    uint32_t* out = target + static_cast<size_t>(y) * size;
    int32_t x16 = rowX, y16 = rowY;
    for (int x = 0; x < size; x++, x16 += a, y16 += d) {
      const int fromX = x16 >> 16, fromY = y16 >> 16;
      const bool inside = static_cast<unsigned>(fromX) < static_cast<unsigned>(size) && static_cast<unsigned>(fromY) < static_cast<unsigned>(size);
      out[x] = inside ? source[static_cast<size_t>(fromY) * size + fromX] : 0;
    }
  }
}

EVENHAND_INLINE void erase(uint32_t* pixels, int size, const double* a) {
  const int left = static_cast<int>(a[0]), top = static_cast<int>(a[1]), width = static_cast<int>(a[2]), height = static_cast<int>(a[3]);
  const uint32_t colour = pack(static_cast<int>(a[4]), static_cast<int>(a[5]), static_cast<int>(a[6]));
  for (int y = top; y < top + height; y++) std::fill_n(pixels + static_cast<size_t>(y) * size + left, width, colour);
}

EVENHAND_INLINE void apply(const Operation& operation, int size, Scratch& scratch) {
  uint32_t* pixels = scratch.pixels.data();
  const size_t count = static_cast<size_t>(size) * size;
  const double* arguments = operation.arguments;
  const float factor = static_cast<float>(arguments[0]);
  switch (operation.op) {
    case Op::Brightness: return mapValues(pixels, count, [=](int value) { return blend(0, value, factor); });
    case Op::Contrast: {
      const int mean = meanGrey(pixels, count);
      return mapValues(pixels, count, [=](int value) { return blend(mean, value, factor); });
    }
    case Op::Saturation: return adjustSaturation(pixels, count, factor);
    case Op::Hue: return adjustHue(pixels, count, static_cast<int>(arguments[0] * 255) & 255);
    case Op::Sharpness:
      adjustSharpness(pixels, scratch.spare.data(), size, factor);
      return scratch.pixels.swap(scratch.spare);
    case Op::Posterize: {
      const int mask = 256 - (1 << (8 - static_cast<int>(arguments[0])));
      return mapValues(pixels, count, [=](int value) { return value & mask; });
    }
    case Op::Solarize: {
      const int threshold = static_cast<int>(std::ceil(arguments[0]));
      return mapValues(pixels, count, [=](int value) { return value < threshold ? value : 255 - value; });
    }
    case Op::AutoContrast: return autoContrast(pixels, count);
    case Op::Equalize: return equalize(pixels, count);
    case Op::Affine:
      affine(pixels, scratch.spare.data(), size, arguments);
      return scratch.pixels.swap(scratch.spare);
    case Op::Erase: return erase(pixels, size, arguments);
    case Op::Count: return;
  }
}

EVENHAND_INLINE void augmentBody(const Image& image, const Augmentation& augmentation, uint8_t* out, Scratch& scratch) {
  const size_t count = static_cast<size_t>(augmentation.size) * augmentation.size;
  scratch.pixels.resize(count);
  scratch.spare.resize(count);
  resize(image, augmentation, scratch.pixels.data());
  for (const Operation& operation : augmentation.operations) apply(operation, augmentation.size, scratch);
  const uint32_t* pixels = scratch.pixels.data();
  size_t i = 0;
  // Four pixels in three numbers of 32 bits.
  for (; i + 4 <= count; i += 4) {
    const uint32_t bytes[3] = {pixels[i] | pixels[i + 1] << 24, pixels[i + 1] >> 8 | pixels[i + 2] << 16, pixels[i + 2] >> 16 | pixels[i + 3] << 8};
    std::memcpy(out + i * 3, bytes, sizeof bytes);
  }
  for (; i < count; i++) std::memcpy(out + i * 3, pixels + i, 3);
}

#ifdef EVENHAND_AVX2
EVENHAND_AVX2 void augmentAvx2(const Image& image, const Augmentation& augmentation, uint8_t* out, Scratch& scratch) {
  augmentBody(image, augmentation, out, scratch);
}
EVENHAND_AVX512 void augmentAvx512(const Image& image, const Augmentation& augmentation, uint8_t* out, Scratch& scratch) {
  augmentBody(image, augmentation, out, scratch);
}
#endif

}  // namespace

void augment(const Image& image, const Augmentation& augmentation, uint8_t* out) {
  thread_local Scratch scratch;
#ifdef EVENHAND_AVX2
  if (simdLevel() == 2) return augmentAvx512(image, augmentation, out, scratch);
  if (simdLevel() == 1) return augmentAvx2(image, augmentation, out, scratch);
#endif
  augmentBody(image, augmentation, out, scratch);
}

}  // namespace evenhand
