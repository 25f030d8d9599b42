#include "types.h"

#include <ATen/ATen.h>
#include <ATen/core/jit_type.h>

#include <cmath>
#include <utility>

#include "compat.h"
#include "handles.h"

namespace evenhand {

static constexpr std::pair<const char*, at::ScalarType> kDtypes[] = {
    {"float32", at::kFloat}, {"float64", at::kDouble}, {"float16", at::kHalf}, {"bfloat16", at::kBFloat16}, {"int64", at::kLong},
    {"int32", at::kInt},     {"int16", at::kShort},    {"int8", at::kChar},    {"uint8", at::kByte},        {"bool", at::kBool}};

static constexpr std::pair<const char*, at::MemoryFormat> kMemoryFormats[] = {
    {"contiguous", at::MemoryFormat::Contiguous},
    {"channelsLast", at::MemoryFormat::ChannelsLast},
    {"preserve", at::MemoryFormat::Preserve}};

const char* dtypeName(at::ScalarType dtype) {
  for (const auto& [name, value] : kDtypes) {
    if (value == dtype) return name;
  }
  return c10::toString(dtype);
}

template <typename Table>
static auto parseName(const Napi::Value& value, const Table& table, const Name& what) {
  const std::string text = value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
  for (const auto& [name, entry] : table) {
    if (text == name) return entry;
  }
  std::string names;
  for (const auto& [name, entry] : table) names += (names.empty() ? "" : ", ") + std::string(name);
  throw badArgument(what + " must be one of " + names + ", got " + describe(value));
}

at::ScalarType parseDtype(const Napi::Value& value, const Name& what) { return parseName(value, kDtypes, what); }

at::MemoryFormat parseMemoryFormat(const Napi::Value& value, const Name& what) {
  return parseName(value, kMemoryFormats, what);
}

at::Device parseDevice(const Napi::Value& value, const Name& what) {
  if (!value.IsString()) throw badArgument(what + " must be a device such as 'cpu' or 'cuda:0', got " + describe(value));
  try {
    return at::Device(value.As<Napi::String>().Utf8Value());
  } catch (const c10::Error&) {
    throw badArgument(what + " must be a device such as 'cpu' or 'cuda:0', got " + describe(value));
  }
}

bool parseBool(const Napi::Value& value, const Name& what) {
  if (!value.IsBoolean()) throw badArgument(what + " must be true or false, got " + describe(value));
  return value.As<Napi::Boolean>().Value();
}

int64_t parseInt(const Napi::Value& value, const Name& what) {
  if (value.IsBigInt()) {
    bool lossless = false;
    const int64_t integer = value.As<Napi::BigInt>().Int64Value(&lossless);
    if (lossless) return integer;
  } else if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    if (std::trunc(number) == number && std::abs(number) <= 9007199254740991.0) return static_cast<int64_t>(number);
  }
  throw badArgument(what + " must be an integer, got " + describe(value));
}

uint64_t parseSeed(const Napi::Value& value, const Name& what) {
  if (value.IsBigInt()) {
    bool lossless = false;
    const uint64_t seed = value.As<Napi::BigInt>().Uint64Value(&lossless);
    if (lossless) return seed;
    throw badArgument(what + " must fit into 64 bits, got " + describe(value));
  }
  const int64_t seed = parseInt(value, what);
  if (seed < 0) throw badArgument(what + " must not be negative, got " + describe(value));
  return static_cast<uint64_t>(seed);
}

static double parseFloat(const Napi::Value& value, const Name& what) {
  if (!value.IsNumber()) throw badArgument(what + " must be a number, got " + describe(value));
  return value.As<Napi::Number>().DoubleValue();
}

// JavaScript has one number type: whole numbers become integer scalars, so that integer tensors stay integer.
static at::Scalar parseScalar(const Napi::Value& value, const Name& what) {
  if (value.IsBoolean()) return at::Scalar(value.As<Napi::Boolean>().Value());
  if (value.IsBigInt()) return at::Scalar(parseInt(value, what));
  const double number = parseFloat(value, what);
  const bool whole = std::trunc(number) == number && std::abs(number) <= 9007199254740991.0 && !(number == 0 && std::signbit(number));
  return whole ? at::Scalar(static_cast<int64_t>(number)) : at::Scalar(number);
}

static Napi::Array parseArray(const Napi::Value& value, const Name& what) {
  if (!value.IsArray()) throw badArgument(what + " must be an array, got " + describe(value));
  return value.As<Napi::Array>();
}

template <typename T, typename Parse>
static std::vector<T> parseList(const Napi::Value& value, const Name& what, Parse parse) {
  const Napi::Array array = parseArray(value, what);
  const uint32_t length = array.Length();
  std::vector<T> out;
  out.reserve(length);
  for (uint32_t i = 0; i < length; i++) out.push_back(parse(array.Get(i), Name(what, i)));
  return out;
}

std::vector<int64_t> parseShape(const Napi::Value& value, const Name& what) { return parseList<int64_t>(value, what, parseInt); }

std::vector<at::Tensor> parseTensors(const Napi::Value& value, const Name& what) {
  return parseList<at::Tensor>(value, what, unwrapTensor);
}

static Kind readKind(const c10::TypePtr& type) {
  switch (type->kind()) {
    case c10::TypeKind::TensorType: return Kind::Tensor;
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType: return Kind::Int;
    case c10::TypeKind::FloatType: return Kind::Float;
    case c10::TypeKind::BoolType: return Kind::Bool;
    case c10::TypeKind::StringType: return Kind::String;
    case c10::TypeKind::NumberType: return Kind::Scalar;
    case c10::TypeKind::ScalarTypeType: return Kind::DType;
    case c10::TypeKind::DeviceObjType: return Kind::Device;
    case c10::TypeKind::LayoutType: return Kind::Layout;
    case c10::TypeKind::MemoryFormatType: return Kind::MemoryFormat;
    case c10::TypeKind::GeneratorType: return Kind::Generator;
    default: return Kind::Unsupported;
  }
}

ArgumentType readType(const c10::TypePtr& type) {
  ArgumentType result;
  c10::TypePtr inner = type;
  if (inner->kind() == c10::TypeKind::OptionalType) {
    result.optional = true;
    inner = inner->castRaw<c10::OptionalType>()->getElementType();
  }
  if (inner->kind() == c10::TypeKind::ListType) {
    result.list = true;
    inner = inner->castRaw<c10::ListType>()->getElementType();
    if (inner->kind() == c10::TypeKind::OptionalType) {
      result.optionalElements = true;
      inner = inner->castRaw<c10::OptionalType>()->getElementType();
    }
  }
  result.kind = readKind(inner);
  return result;
}

static c10::IValue toList(const Napi::Value& value, const ArgumentType& type, const Name& what) {
  switch (type.kind) {
    case Kind::Tensor:
      if (type.optionalElements) {
        return c10::List<Optional<at::Tensor>>(parseList<Optional<at::Tensor>>(value, what, [](const Napi::Value& item, const Name& name) {
          return item.IsNull() || item.IsUndefined() ? Optional<at::Tensor>() : Optional<at::Tensor>(unwrapTensor(item, name));
        }));
      }
      return c10::List<at::Tensor>(parseTensors(value, what));
    case Kind::Int:
      // As in Python, one number for `int[2]` stands for both.
      if (type.length > 0 && value.IsNumber()) return c10::IValue(std::vector<int64_t>(type.length, parseInt(value, what)));
      return c10::IValue(parseShape(value, what));
    case Kind::Float: return c10::IValue(parseList<double>(value, what, parseFloat));
    case Kind::Bool: {
      const Napi::Array array = parseArray(value, what);
      c10::List<bool> list;
      for (uint32_t i = 0; i < array.Length(); i++) list.push_back(parseBool(array.Get(i), Name(what, i)));
      return list;
    }
    case Kind::Scalar: {
      auto list = c10::impl::GenericList(c10::NumberType::get());
      for (const at::Scalar& scalar : parseList<at::Scalar>(value, what, parseScalar)) list.push_back(c10::IValue(scalar));
      return list;
    }
    default: throw badArgument(what + " has a type that cannot be passed from JavaScript; leave it out");
  }
}

c10::IValue toIValue(const Napi::Value& value, const ArgumentType& type, const Name& what) {
  if (type.optional && (value.IsNull() || value.IsUndefined())) return c10::IValue();
  if (type.list) return toList(value, type, what);
  switch (type.kind) {
    case Kind::Tensor: return unwrapTensor(value, what);
    case Kind::Int: return parseInt(value, what);
    case Kind::Float: return parseFloat(value, what);
    case Kind::Bool: return parseBool(value, what);
    case Kind::Scalar: return parseScalar(value, what);
    case Kind::DType: return static_cast<int64_t>(parseDtype(value, what));
    case Kind::Device: return parseDevice(value, what);
    case Kind::MemoryFormat: return static_cast<int64_t>(parseMemoryFormat(value, what));
    case Kind::Generator: return unwrapGenerator(value, what);
    case Kind::String:
      if (!value.IsString()) throw badArgument(what + " must be a string, got " + describe(value));
      return value.As<Napi::String>().Utf8Value();
    case Kind::Layout:
      if (!value.IsString() || value.As<Napi::String>().Utf8Value() != "strided") {
        throw badArgument(what + " must be 'strided', got " + describe(value));
      }
      return static_cast<int64_t>(at::kStrided);
    case Kind::Unsupported: break;
  }
  throw badArgument(what + " has a type that cannot be passed from JavaScript; leave it out");
}

Napi::Value intArray(Napi::Env env, at::IntArrayRef values) {
  Napi::Array array = Napi::Array::New(env, values.size());
  for (size_t i = 0; i < values.size(); i++) array.Set(i, Napi::Number::New(env, static_cast<double>(values[i])));
  return array;
}

Napi::Value fromIValue(Napi::Env env, const c10::IValue& value) {
  if (value.isTensor()) return wrapTensor(env, value.toTensor());
  if (value.isNone()) return env.Null();
  if (value.isBool()) return Napi::Boolean::New(env, value.toBool());
  if (value.isInt()) return Napi::Number::New(env, static_cast<double>(value.toInt()));
  if (value.isDouble()) return Napi::Number::New(env, value.toDouble());
  if (value.isScalar()) return Napi::Number::New(env, value.toScalar().toDouble());
  if (value.isString()) return Napi::String::New(env, value.toStringRef());
  if (value.isDevice()) return Napi::String::New(env, value.toDevice().str());
  if (value.isList() || value.isTuple()) {
    std::vector<c10::IValue> items;
    if (value.isList()) {
      items = value.toListRef().vec();
    } else {
      for (const auto& item : value.toTupleRef().elements()) items.push_back(item);
    }
    Napi::Array array = Napi::Array::New(env, items.size());
    for (size_t i = 0; i < items.size(); i++) array.Set(i, fromIValue(env, items[i]));
    return array;
  }
  throw badArgument("the result has the type " + value.tagKind() + ", which cannot be converted to JavaScript");
}

}  // namespace evenhand
