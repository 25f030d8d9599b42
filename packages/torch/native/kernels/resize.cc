// Resizing with antialiasing as in Pillow's `libImaging/Resample.c`, bit for bit: horizontally, then vertically, in fixed point
// with a rounding to 8 bits in between.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/augment.h"
#include "kernels/simd.h"
#ifdef EVENHAND_AVX2
#include <immintrin.h>
#endif

namespace evenhand {
namespace {

// Fractional bits of the integer weights; the sums fit into 32 bits.
constexpr int kPrecisionBits = 22;
constexpr int32_t kHalf = 1 << (kPrecisionBits - 1);
// A weight is `high << kLowBits | low`, each of which fits into 16 bits.
constexpr int kLowBits = 11;
// Bytes that may be read after the end of a row.
constexpr int kOverread = 16;
// Rows of the ring are multiples of this many pixels.
constexpr int kBlock = 8;

EVENHAND_INLINE uint8_t clip(int32_t sum) {
  const int32_t value = sum >> kPrecisionBits;
  return static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

double bilinear(double x) { return std::fabs(x) < 1 ? 1 - std::fabs(x) : 0; }

// Keys' cubic kernel with a = -0.5.
double bicubic(double x) {
  x = std::fabs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * -0.5;
  return 0;
}

// For each result pixel along one axis: the first source pixel, and `count` weights.
struct Taps {
  int count;
  std::vector<int> first;
  std::vector<int32_t> weights;
  std::vector<int32_t> pairs;  // the high, then the low parts of two weights
};

// From `from` to `to` in `available` source pixels; Pillow keeps both in single precision.
void computeTaps(Taps& taps, float from, float to, int available, int size, Filter filter, bool flip) {
  const double scale = static_cast<double>(to - from) / size;
  const double filterScale = std::max(scale, 1.0);
  const double support = (filter == Filter::Bilinear ? 1 : 2) * filterScale;
  const double inverse = 1 / filterScale;
  std::vector<int> counts(size);
  taps.first.assign(size + kBlock, 0);
  int most = 1;
  for (int i = 0; i < size; i++) {
    const double center = from + (i + 0.5) * scale;
    taps.first[i] = std::max(static_cast<int>(center - support + 0.5), 0);
    counts[i] = std::min(static_cast<int>(center + support + 0.5), available) - taps.first[i];
    most = std::max(most, counts[i]);
  }
  // All get the same number of weights, some of them 0.
  taps.count = most;
  taps.weights.assign(static_cast<size_t>(size) * most, 0);
  std::vector<double> exact(most);
  for (int i = 0; i < size; i++) {
    const double center = from + (i + 0.5) * scale;
    double sum = 0;
    for (int k = 0; k < counts[i]; k++) {
      const double x = (k + taps.first[i] - center + 0.5) * inverse;
      exact[k] = filter == Filter::Bilinear ? bilinear(x) : bicubic(x);
      sum += exact[k];
    }
    const int start = std::min(taps.first[i], available - most);
    int32_t* weights = taps.weights.data() + static_cast<size_t>(flip ? size - 1 - i : i) * most + (taps.first[i] - start);
    for (int k = 0; k < counts[i]; k++) {
      const double weight = exact[k] / sum * (1 << kPrecisionBits);
      weights[k] = static_cast<int32_t>(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    taps.first[i] = start;
  }
  if (flip) std::reverse(taps.first.begin(), taps.first.begin() + size);
}

#ifdef EVENHAND_AVX2
void computePairs(Taps& taps, int size) {
  const int pairs = (taps.count + 1) / 2;
  taps.pairs.assign(static_cast<size_t>(size + kBlock) * pairs * 2, 0);
  const auto join = [](int32_t first, int32_t second) { return static_cast<int32_t>((first & 0xffff) | static_cast<uint32_t>(second) << 16); };
  constexpr int32_t low = (1 << kLowBits) - 1;
  for (int i = 0; i < size; i++) {
    for (int k = 0; k < pairs; k++) {
      const int32_t* weights = taps.weights.data() + static_cast<size_t>(i) * taps.count + k * 2;
      const int32_t first = weights[0], second = k * 2 + 1 < taps.count ? weights[1] : 0;
      int32_t* out = taps.pairs.data() + (static_cast<size_t>(i) * pairs + k) * 2;
      out[0] = join(first >> kLowBits, second >> kLowBits);
      out[1] = join(first & low, second & low);
    }
  }
}

EVENHAND_AVX2 inline __m256i rounded(__m256i high, __m256i low) {
  return _mm256_srai_epi32(_mm256_add_epi32(_mm256_slli_epi32(high, kLowBits), low), kPrecisionBits);
}

// Two rows at once. With `fixedPairs`, half the number of weights is known to the compiler.
template <int fixedPairs>
EVENHAND_AVX2 void resizeRows(const uint8_t* a, const uint8_t* b, const Taps& columns, int size, uint32_t* outA, uint32_t* outB) {
  const int pairs = fixedPairs > 0 ? fixedPairs : (columns.count + 1) / 2;
  // The same channel of two pixels side by side, as 16-bit numbers.
  const __m256i spread = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
  const int32_t* weights = columns.pairs.data();
  for (int x = 0; x < size; x += 4) {
    __m256i sums[4];
    for (int i = 0; i < 4; i++) {
      const int offset = columns.first[x + i] * 3;
      __m256i high = _mm256_setzero_si256(), low = _mm256_set1_epi32(kHalf);
      for (int k = 0; k < pairs; k++, weights += 2) {
        const __m128i fromA = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a + offset + k * 6));
        const __m128i fromB = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + offset + k * 6));
        const __m256i pixels = _mm256_shuffle_epi8(_mm256_inserti128_si256(_mm256_castsi128_si256(fromA), fromB, 1), spread);
        high = _mm256_add_epi32(high, _mm256_madd_epi16(pixels, _mm256_set1_epi32(weights[0])));
        low = _mm256_add_epi32(low, _mm256_madd_epi16(pixels, _mm256_set1_epi32(weights[1])));
      }
      sums[i] = rounded(high, low);
    }
    const __m256i packed = _mm256_packus_epi16(_mm256_packs_epi32(sums[0], sums[1]), _mm256_packs_epi32(sums[2], sums[3]));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(outA + x), _mm256_castsi256_si128(packed));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(outB + x), _mm256_extracti128_si256(packed, 1));
  }
}

void resizeTwoRows(const uint8_t* a, const uint8_t* b, const Taps& columns, int size, uint32_t* outA, uint32_t* outB) {
  switch ((columns.count + 1) / 2) {
    case 1: return resizeRows<1>(a, b, columns, size, outA, outB);
    case 2: return resizeRows<2>(a, b, columns, size, outA, outB);
    case 3: return resizeRows<3>(a, b, columns, size, outA, outB);
    default: return resizeRows<0>(a, b, columns, size, outA, outB);
  }
}

EVENHAND_AVX2 void mixRowsAvx2(const std::vector<const uint32_t*>& rows, const int32_t* weights, int size, uint32_t* out) {
  const int pairs = (static_cast<int>(rows.size()) + 1) / 2;
  const __m256i zero = _mm256_setzero_si256();
  for (int x = 0; x < size; x += kBlock) {
    __m256i high[4] = {zero, zero, zero, zero}, low[4];
    for (auto& each : low) each = _mm256_set1_epi32(kHalf);
    for (int k = 0; k < pairs; k++) {
      const __m256i first = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[k * 2] + x));
      const size_t next = std::min<size_t>(k * 2 + 1, rows.size() - 1);
      const __m256i second = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[next] + x));
      // The bytes of both rows side by side, as 16-bit numbers.
      const __m256i lower = _mm256_unpacklo_epi8(first, second), upper = _mm256_unpackhi_epi8(first, second);
      const __m256i words[4] = {_mm256_unpacklo_epi8(lower, zero), _mm256_unpackhi_epi8(lower, zero), _mm256_unpacklo_epi8(upper, zero),
                                _mm256_unpackhi_epi8(upper, zero)};
      const __m256i highWeights = _mm256_set1_epi32(weights[k * 2]), lowWeights = _mm256_set1_epi32(weights[k * 2 + 1]);
      for (int i = 0; i < 4; i++) {
        high[i] = _mm256_add_epi32(high[i], _mm256_madd_epi16(words[i], highWeights));
        low[i] = _mm256_add_epi32(low[i], _mm256_madd_epi16(words[i], lowWeights));
      }
    }
    const __m256i packed = _mm256_packus_epi16(_mm256_packs_epi32(rounded(high[0], low[0]), rounded(high[1], low[1])),
                                               _mm256_packs_epi32(rounded(high[2], low[2]), rounded(high[3], low[3])));
    if (x + kBlock <= size) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + x), packed);
    } else {
      uint32_t rest[kBlock];
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(rest), packed);
      std::memcpy(out + x, rest, (size - x) * sizeof *rest);
    }
  }
}
#endif

void resizeRow(const uint8_t* row, const Taps& columns, int size, uint32_t* out) {
  const int32_t* weights = columns.weights.data();
  for (int x = 0; x < size; x++) {
    const uint8_t* pixel = row + columns.first[x] * 3;
    int32_t red = kHalf, green = kHalf, blue = kHalf;
    for (int k = 0; k < columns.count; k++, pixel += 3, weights++) {
      red += pixel[0] * *weights;
      green += pixel[1] * *weights;
      blue += pixel[2] * *weights;
    }
    out[x] = clip(red) | static_cast<uint32_t>(clip(green)) << 8 | static_cast<uint32_t>(clip(blue)) << 16;
  }
}

void mixRows(const std::vector<const uint32_t*>& rows, const int32_t* weights, int size, uint32_t* out) {
  constexpr int block = 64;
  for (int start = 0; start < size * 4; start += block) {
    const int count = std::min(block, size * 4 - start);
    int32_t sums[block];
    std::fill_n(sums, block, kHalf);
    for (size_t k = 0; k < rows.size(); k++) {
      const uint8_t* bytes = reinterpret_cast<const uint8_t*>(rows[k]) + start;
      for (int i = 0; i < count; i++) sums[i] += bytes[i] * weights[k];
    }
    auto* target = reinterpret_cast<uint8_t*>(out) + start;
    for (int i = 0; i < count; i++) target[i] = clip(sums[i]);
  }
}

}  // namespace

void resize(const Image& image, const Augmentation& augmentation, uint32_t* out) {
  const Box& box = augmentation.box;
  const int size = augmentation.size;
  const int left = static_cast<int>(box.left), top = static_cast<int>(box.top);
  const int width = static_cast<int>(std::ceil(box.right)) - left, height = static_cast<int>(std::ceil(box.bottom)) - top;
  Taps columns, rows;
  computeTaps(columns, static_cast<float>(box.left - left), static_cast<float>(box.right - left), width, size, augmentation.filter,
              augmentation.flipHorizontally);
  computeTaps(rows, static_cast<float>(box.top - top), static_cast<float>(box.bottom - top), height, size, augmentation.filter, false);
#ifdef EVENHAND_AVX2
  const bool fast = simdLevel() > 0;
  if (fast) computePairs(columns, size), computePairs(rows, size);
#endif
  const uint8_t* end = image.data + static_cast<size_t>(image.width) * image.height * 3;
  std::vector<uint8_t> copies[2];
  const auto sourceRow = [&](int row, int i) {
    const uint8_t* source = image.data + (static_cast<size_t>(top + row) * image.width + left) * 3;
    if (end - source >= width * 3 + kOverread) return source;
    copies[i].assign(source, source + width * 3);
    copies[i].resize(width * 3 + kOverread);
    return const_cast<const uint8_t*>(copies[i].data());
  };
  // The last rows of the horizontal pass, of which two are computed at once: row r is in slot r modulo `slots`.
  const int slots = rows.count + 1, stride = (size + kBlock - 1) / kBlock * kBlock;
  std::vector<uint32_t> ring(static_cast<size_t>(slots) * stride);
  const auto slotOf = [&](int row) { return ring.data() + static_cast<size_t>(row % slots) * stride; };
  std::vector<const uint32_t*> sources(rows.count);
  int done = 0;
  for (int y = 0; y < size; y++) {
    const int first = rows.first[y];
    done = std::max(done, first);
    while (done < first + rows.count) {
#ifdef EVENHAND_AVX2
      if (fast) {
        resizeTwoRows(sourceRow(done, 0), sourceRow(std::min(done + 1, height - 1), 1), columns, size, slotOf(done), slotOf(done + 1));
        done += 2;
        continue;
      }
#endif
      resizeRow(sourceRow(done, 0), columns, size, slotOf(done));
      done++;
    }
    for (int k = 0; k < rows.count; k++) sources[k] = slotOf(first + k);
    uint32_t* target = out + static_cast<size_t>(augmentation.flipVertically ? size - 1 - y : y) * size;
#ifdef EVENHAND_AVX2
    if (fast) {
      mixRowsAvx2(sources, rows.pairs.data() + static_cast<size_t>(y) * ((rows.count + 1) / 2) * 2, size, target);
      continue;
    }
#endif
    mixRows(sources, rows.weights.data() + static_cast<size_t>(y) * rows.count, size, target);
  }
}

}  // namespace evenhand
