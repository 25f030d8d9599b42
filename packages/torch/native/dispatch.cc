#include <algorithm>
#include <cctype>
#include <sstream>

#include "environment.h"
#include "handles.h"
#include "types.h"

namespace evenhand {

// Reads the two names in `info` and asks the dispatcher for the operation.
static auto findSchema(const Napi::CallbackInfo& info, std::string& name, std::string& overload) {
  if (!info[0].IsString() || !info[1].IsString()) throw badArgument("an operation is identified by two strings: name and overload");
  name = info[0].As<Napi::String>().Utf8Value();
  overload = info[1].As<Napi::String>().Utf8Value();
  return c10::Dispatcher::singleton().findSchema({name.c_str(), overload.c_str()});
}

static std::string printSchema(const c10::FunctionSchema& schema) {
  std::ostringstream out;
  out << schema;
  return out.str();
}

static Napi::Value schema(const Napi::CallbackInfo& info) {
  std::string name, overload;
  const auto handle = findSchema(info, name, overload);
  return handle ? Napi::String::New(info.Env(), printSchema(handle->schema())) : info.Env().Null();
}

static std::string camelCase(const std::string& name) {
  std::string out;
  for (size_t i = 0; i < name.size(); i++) {
    const bool start = name[i] == '_' && i > 0 && i + 1 < name.size();
    out += start ? static_cast<char>(std::toupper(name[++i])) : name[i];
  }
  return out;
}

static bool writesArgument(const c10::Argument& result) { return result.alias_info() && result.alias_info()->isWrite(); }

// resolve(name, overload) -> an id for call()
static Napi::Value resolve(const Napi::CallbackInfo& info) {
  Environment& environment = environmentOf(info.Env());
  std::string name, overload;
  const auto handle = findSchema(info, name, overload);
  const std::string key = name + "." + overload;
  const auto resolved = environment.operatorIds.find(key);
  if (resolved != environment.operatorIds.end()) return Napi::Number::New(info.Env(), resolved->second);
  if (!handle) throw Failure("TORCH_UNKNOWN_OPERATOR", "the loaded libtorch has no operation " + printable(name + (overload.empty() ? "" : "." + overload)));

  const auto& schema = handle->schema();
  Operator op{*handle, name.substr(name.find("::") + 2), {}, 0, {}, false};
  for (const auto& argument : schema.arguments()) {
    ArgumentType type = readType(argument.real_type());
    type.length = argument.N() ? *argument.N() : 0;
    op.arguments.push_back(type);
    if (argument.kwarg_only()) op.options.push_back(camelCase(argument.name()));
    else op.positional = op.arguments.size();
  }
  op.returnsArgument = schema.returns().size() == 1 && writesArgument(schema.returns()[0]);
  const uint32_t id = environment.operators.size();
  environment.operators.push_back(std::move(op));
  environment.operatorIds[key] = id;
  return Napi::Number::New(info.Env(), id);
}

static void refuseUnknownOptions(const Napi::Object& options, const Operator& op) {
  const Napi::Array names = options.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); i++) {
    const std::string option = names.Get(i).ToString().Utf8Value();
    if (std::find(op.options.begin(), op.options.end(), option) != op.options.end()) continue;
    std::string allowed;
    for (const auto& name : op.options) allowed += (allowed.empty() ? "" : ", ") + name;
    throw badArgument("unknown option '" + printable(option) + "'; the options are " + allowed);
  }
}

// The arguments as the dispatcher takes them. Reading the options may run user code: a getter.
static torch::jit::Stack boxArguments(const Napi::CallbackInfo& info, const Operator& op) {
  const auto& arguments = op.handle.schema().arguments();
  const size_t count = info.Length() - 1;
  const bool hasOptions = op.positional < op.arguments.size();
  if (count > op.positional + (hasOptions ? 1 : 0)) {
    throw badArgument("takes at most " + std::to_string(op.positional) + " arguments" + (hasOptions ? " and options" : "") + ", got " + std::to_string(count));
  }
  Napi::Object options;
  if (hasOptions && count > op.positional && !info[op.positional + 1].IsUndefined()) {
    const Napi::Value last = info[op.positional + 1];
    if (!last.IsObject() || last.IsArray() || isTensor(last)) throw badArgument("the options must be an object, got " + describe(last));
    options = last.As<Napi::Object>();
    refuseUnknownOptions(options, op);
  }
  torch::jit::Stack stack;
  stack.reserve(arguments.size());
  for (size_t i = 0; i < arguments.size(); i++) {
    Napi::Value value = info.Env().Undefined();
    if (i < op.positional) {
      if (i < count) value = info[i + 1];
    } else if (!options.IsEmpty()) {
      value = options.Get(op.options[i - op.positional]);
    }
    if (value.IsUndefined() && arguments[i].default_value()) {
      stack.push_back(*arguments[i].default_value());
    } else {
      stack.push_back(toIValue(value, op.arguments[i], arguments[i]));
    }
  }
  return stack;
}

// ` (input float32[2,4,8,8], weight float32[5,3,3,3])`, because the messages of libtorch often lack the shapes.
static std::string tensorArguments(const Napi::CallbackInfo& info, const Operator& op) {
  std::string text;
  for (size_t i = 0; i < op.positional && i + 1 < info.Length(); i++) {
    const at::Tensor* tensor = peekTensor(info[i + 1]);
    if (tensor) text += (text.empty() ? "" : ", ") + op.handle.schema().arguments()[i].name() + " " + describeTensor(*tensor);
  }
  return text.empty() ? "" : " (" + text + ")";
}

// In-place operations return one of their arguments: give back the same JavaScript object, not a second owner.
static Napi::Value findArgument(const Napi::CallbackInfo& info, const at::Tensor& result) {
  for (size_t i = 1; i < info.Length(); i++) {
    const at::Tensor* tensor = peekTensor(info[i]);
    if (tensor && tensor->is_same(result)) return info[i];
  }
  return wrapTensor(info.Env(), result);
}

// call(id, arguments..., options)
static Napi::Value call(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Environment& environment = environmentOf(env);
  const uint32_t id = info[0].IsNumber() ? info[0].As<Napi::Number>().Uint32Value() : UINT32_MAX;
  if (id >= environment.operators.size()) throw badArgument("call: the first argument must be an id from resolve()");
  const Operator& op = environment.operators[id];
  try {
    torch::jit::Stack stack = boxArguments(info, op);
    op.handle.callBoxed(&stack);
    if (stack.empty()) return env.Undefined();
    if (stack.size() == 1) return op.returnsArgument ? findArgument(info, stack[0].toTensor()) : fromIValue(env, stack[0]);
    Napi::Array results = Napi::Array::New(env, stack.size());
    for (size_t i = 0; i < stack.size(); i++) results.Set(i, fromIValue(env, stack[i]));
    return results;
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw currentError(env, op.name, printSchema(op.handle.schema()), tensorArguments(info, op));
  }
}

void exportDispatch(Napi::Object exports) {
  define<schema>(exports, "schema");
  define<resolve>(exports, "resolve");
  define<call>(exports, "call");
}

}  // namespace evenhand
