#include <algorithm>
#include <cctype>
#include <sstream>

#include "environment.h"
#include "handles.h"
#include "types.h"

namespace evenhand {

static auto findSchema(const Napi::CallbackInfo& info, std::string& name, std::string& overload) {
  if (!info[0].IsString() || !info[1].IsString()) throw badArgument("an operation is named by two strings: name and overload");
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
  const auto found = findSchema(info, name, overload);
  return found ? Napi::String::New(info.Env(), printSchema(found->schema())) : info.Env().Null();
}

static std::string camelCase(const std::string& name) {
  std::string out;
  for (size_t i = 0; i < name.size(); i++) {
    const bool start = name[i] == '_' && i > 0 && i + 1 < name.size();
    out += start ? static_cast<char>(std::toupper(name[++i])) : name[i];
  }
  return out;
}

static bool writesArgument(const c10::Argument& answer) { return answer.alias_info() && answer.alias_info()->isWrite(); }

static Napi::Value resolve(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::of(info.Env());
  std::string name, overload;
  const auto found = findSchema(info, name, overload);
  const std::string key = name + "." + overload;
  const auto known = environment.operatorIds.find(key);
  if (known != environment.operatorIds.end()) return Napi::Number::New(info.Env(), known->second);
  if (!found) throw Failure("TORCH_UNKNOWN_OPERATOR", "the loaded libtorch has no operation " + name + (overload.empty() ? "" : "." + overload));

  const auto& schema = found->schema();
  Operator op{*found, name.substr(name.find("::") + 2), {}, 0, {}, false};
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

static std::string argumentName(const c10::Argument& argument) {
  std::ostringstream out;
  out << "argument '" << argument.name() << "' (" << argument.real_type()->str();
  std::string text = out.str();
  // 2.x prints its symbolic integers, which JavaScript does not have
  const size_t symbolic = text.find("SymInt");
  if (symbolic != std::string::npos) text.replace(symbolic, 6, "int");
  // int[] prints without its length
  if (argument.N() && text.size() > 2 && text.substr(text.size() - 2) == "[]") text.insert(text.size() - 1, std::to_string(*argument.N()));
  return text + ")";
}

static void refuseUnknownOptions(const Napi::Object& options, const Operator& op) {
  const Napi::Array names = options.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); i++) {
    const std::string given = names.Get(i).ToString().Utf8Value();
    if (std::find(op.options.begin(), op.options.end(), given) != op.options.end()) continue;
    std::string known;
    for (const auto& name : op.options) known += (known.empty() ? "" : ", ") + name;
    throw badArgument("unknown option '" + given + "'; the options are " + known);
  }
}

static torch::jit::Stack boxArguments(const Napi::CallbackInfo& info, const Operator& op) {
  const auto& arguments = op.handle.schema().arguments();
  const size_t given = info.Length() - 1;
  const bool hasOptions = op.positional < op.arguments.size();
  if (given > op.positional + (hasOptions ? 1 : 0)) {
    throw badArgument("takes at most " + std::to_string(op.positional) + " arguments" + (hasOptions ? " and options" : "") + ", got " + std::to_string(given));
  }
  Napi::Object options;
  if (hasOptions && given > op.positional && !info[op.positional + 1].IsUndefined()) {
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
      if (i < given) value = info[i + 1];
    } else if (!options.IsEmpty()) {
      value = options.Get(op.options[i - op.positional]);
    }
    if (value.IsUndefined() && arguments[i].default_value()) {
      stack.push_back(*arguments[i].default_value());
    } else {
      stack.push_back(toIValue(value, op.arguments[i], argumentName(arguments[i])));
    }
  }
  return stack;
}

// ` (input float32[2,4,8,8], weight float32[5,3,3,3])`: libtorch's own messages often leave the shapes out.
static std::string tensorArguments(const Napi::CallbackInfo& info, const Operator& op) {
  std::string text;
  for (size_t i = 0; i < op.positional && i + 1 < info.Length(); i++) {
    const at::Tensor* tensor = peekTensor(info[i + 1]);
    if (tensor) text += (text.empty() ? "" : ", ") + op.handle.schema().arguments()[i].name() + " " + describeTensor(*tensor);
  }
  return text.empty() ? "" : " (" + text + ")";
}

// In-place operations answer one of their arguments: give back the same JavaScript object, not a second owner.
static Napi::Value findArgument(const Napi::CallbackInfo& info, const at::Tensor& answer) {
  for (size_t i = 1; i < info.Length(); i++) {
    const at::Tensor* tensor = peekTensor(info[i]);
    if (tensor && tensor->is_same(answer)) return info[i];
  }
  return wrapTensor(info.Env(), answer);
}

static Napi::Value call(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Environment& environment = Environment::of(env);
  const uint32_t id = info[0].IsNumber() ? info[0].As<Napi::Number>().Uint32Value() : UINT32_MAX;
  if (id >= environment.operators.size()) throw badArgument("call: the first argument must be an id from resolve()");
  const Operator& op = environment.operators[id];
  try {
    torch::jit::Stack stack = boxArguments(info, op);
    op.handle.callBoxed(&stack);
    if (stack.empty()) return env.Undefined();
    if (stack.size() == 1) return op.returnsArgument ? findArgument(info, stack[0].toTensor()) : fromIValue(env, stack[0]);
    Napi::Array answers = Napi::Array::New(env, stack.size());
    for (size_t i = 0; i < stack.size(); i++) answers.Set(i, fromIValue(env, stack[i]));
    return answers;
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
