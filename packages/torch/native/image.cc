#include "image.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "environment.h"
#include "handles.h"
#include "kernels/augment.h"
#include "types.h"

namespace evenhand {

constexpr int kMaxSize = 10000;
constexpr int kMaxSide = 1 << 24;
// Affine maps compute in 16.16 fixed point.
constexpr double kMaxCoordinate = 32767;

static uint8_t* bytesOf(const Napi::Value& value, int64_t length, const std::string& what) {
  napi_typedarray_type type = napi_int8_array;
  size_t given = 0;
  void* data = nullptr;
  if (value.IsTypedArray()) napi_get_typedarray_info(value.Env(), value, &type, &given, &data, nullptr, nullptr);
  if (type != napi_uint8_array) throw badArgument(what + " must be a Uint8Array, got " + describe(value));
  if (static_cast<int64_t>(given) != length) {
    throw badArgument(what + " must have " + std::to_string(length) + " bytes, got " + std::to_string(given));
  }
  return static_cast<uint8_t*>(data);
}

static double numberOf(const Napi::Value& value, const std::string& what) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  if (!std::isfinite(number)) throw badArgument("augmentImage: " + what + " must be a finite number, got " + describe(value));
  return number;
}

static int wholeOf(const Napi::Value& value, int max, const std::string& what) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  if (number != std::floor(number) || !(number >= 1 && number <= max)) {
    throw badArgument(what + " must be a whole number from 1 to " + std::to_string(max) + ", got " + describe(value));
  }
  return static_cast<int>(number);
}

static Filter filterOf(const Napi::Value& value) {
  const std::string name = value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
  if (name != "bilinear" && name != "bicubic") throw badArgument("augmentImage: filter must be bilinear or bicubic, got " + describe(value));
  return name == "bilinear" ? Filter::Bilinear : Filter::Bicubic;
}

static std::string text(double number) {
  char buffer[32];
  snprintf(buffer, sizeof buffer, "%.9g", number);
  return buffer;
}

// The box within the image. Scaling a box to another size of the image may leave it a rounding error outside.
static Box boxOf(const Napi::CallbackInfo& info, size_t at, const Image& image) {
  const double left = numberOf(info[at], "box.left"), top = numberOf(info[at + 1], "box.top");
  const double width = numberOf(info[at + 2], "box.width"), height = numberOf(info[at + 3], "box.height");
  const auto inside = [](double from, double extent, int available) {
    return extent >= 1e-3 && from >= -1e-6 && from + extent <= available + 1e-6;
  };
  if (!inside(left, width, image.width) || !inside(top, height, image.height)) {
    throw badArgument("augmentImage: box must lie in the image of " + std::to_string(image.width) + " x " + std::to_string(image.height) +
                      " pixels, got " + text(width) + " x " + text(height) + " pixels at (" + text(left) + ", " + text(top) + ")");
  }
  return {std::max(left, 0.0), std::max(top, 0.0), std::min<double>(left + width, image.width), std::min<double>(top + height, image.height)};
}

static bool isWhole(double value, double min, double max) { return value == std::floor(value) && value >= min && value <= max; }

static void check(const Operation& operation, int size) {
  const double* a = operation.arguments;
  switch (operation.op) {
    case Op::Hue:
      if (std::fabs(a[0]) > 0.5) throw badArgument("augmentImage: the shift of hue must be from -0.5 to 0.5 turns, got " + text(a[0]));
      return;
    case Op::Posterize:
      if (!isWhole(a[0], 0, 8)) throw badArgument("augmentImage: posterize keeps 0 to 8 bits, got " + text(a[0]));
      return;
    case Op::Affine:
      if (std::fabs(a[2]) + (std::fabs(a[0]) + std::fabs(a[1])) * size > kMaxCoordinate ||
          std::fabs(a[5]) + (std::fabs(a[3]) + std::fabs(a[4])) * size > kMaxCoordinate) {
        throw badArgument("augmentImage: affine maps pixels further than 32767 pixels away");
      }
      return;
    case Op::Erase:
      for (int i = 0; i < 2; i++) {
        if (!isWhole(a[i], 0, size) || !isWhole(a[i + 2], 0, size - a[i])) {
          throw badArgument("augmentImage: the box to erase must have whole numbers and lie in the result of " + std::to_string(size) + " x " +
                            std::to_string(size) + " pixels, got " + text(a[2]) + " x " + text(a[3]) + " pixels at (" + text(a[0]) + ", " +
                            text(a[1]) + ")");
        }
      }
      for (int i = 4; i < 7; i++) {
        if (!isWhole(a[i], 0, 255)) throw badArgument("augmentImage: the colour of erase must be whole numbers from 0 to 255, got " + text(a[i]));
      }
      return;
    default: return;
  }
}

static std::vector<Operation> operationsOf(const Napi::Value& value, int size) {
  constexpr size_t width = 1 + kOperationArguments;
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  if (value.IsTypedArray()) napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr);
  if (type != napi_float64_array || length % width != 0) throw badArgument("augmentImage: operations must be a Float64Array with 8 numbers each");
  const double* numbers = static_cast<const double*>(data);
  std::vector<Operation> operations(length / width);
  for (Operation& operation : operations) {
    if (!isWhole(numbers[0], 0, static_cast<int>(Op::Count) - 1)) throw badArgument("augmentImage: there is no operation " + text(numbers[0]));
    operation.op = static_cast<Op>(static_cast<int>(numbers[0]));
    for (int i = 0; i < kOperationArguments; i++) {
      if (!std::isfinite(numbers[1 + i])) throw badArgument("augmentImage: the arguments of an operation must be finite numbers, got " + text(numbers[1 + i]));
      // Of factors, which may be anything, larger ones give the same image.
      operation.arguments[i] = std::min(std::max(numbers[1 + i], -kMaxCoordinate), kMaxCoordinate);
    }
    check(operation, size);
    numbers += width;
  }
  return operations;
}

// augmentImage(data, width, height, left, top, width, height of the box, size, filter, flip horizontally, vertically, operations, out)
static Napi::Value augmentImage(const Napi::CallbackInfo& info) {
  Image image{nullptr, wholeOf(info[1], kMaxSide, "augmentImage: width"), wholeOf(info[2], kMaxSide, "augmentImage: height")};
  image.data = bytesOf(info[0], int64_t{3} * image.width * image.height, "augmentImage: data");
  const int size = wholeOf(info[7], kMaxSize, "augmentImage: size");
  Augmentation augmentation{boxOf(info, 3, image),
                            size,
                            filterOf(info[8]),
                            parseBool(info[9], "augmentImage: flipHorizontally"),
                            parseBool(info[10], "augmentImage: flipVertically"),
                            operationsOf(info[11], size)};
  augment(image, augmentation, bytesOf(info[12], int64_t{3} * size * size, "augmentImage: out"));
  return info.Env().Undefined();
}

void exportImage(Napi::Object exports) { define<augmentImage>(exports, "augmentImage"); }

}  // namespace evenhand
