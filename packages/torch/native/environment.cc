#include "environment.h"

#include <c10/util/Exception.h>

namespace evenhand {

static std::string firstLine(const std::string& text) {
  const std::string line = text.substr(0, text.find('\n'));
  const size_t trace = line.find(" (Exception raised from");
  return trace == std::string::npos ? line : line.substr(0, trace);
}

static bool isOutOfMemory(const std::string& message) {
  return message.find("can't allocate memory") != std::string::npos || message.find("out of memory") != std::string::npos ||
         message.find("_STATUS_ALLOC_FAILED") != std::string::npos;  // cuBLAS and cuDNN
}

Napi::Error currentError(Napi::Env env, const std::string& op, const std::string& schema, const std::string& context) {
  std::string code = "TORCH_OPERATION_FAILED";
  std::string message;
  try {
    throw;
  } catch (const Failure& failure) {
    code = failure.code;
    message = failure.what();
  } catch (const c10::Error& error) {
    // what() would include a C++ backtrace.
    message = firstLine(error.what_without_backtrace()) + context;
    if (isOutOfMemory(message)) code = "TORCH_OUT_OF_MEMORY";
  } catch (const std::bad_alloc&) {
    code = "TORCH_OUT_OF_MEMORY";
    message = "out of memory" + context;
  } catch (const std::exception& error) {
    message = firstLine(error.what()) + context;
  } catch (...) {
    message = "unknown C++ exception" + context;
  }
  const std::string text = op.empty() ? message : op + ": " + message;
  const auto& errorClass = environmentOf(env).errorClass;
  if (errorClass.IsEmpty()) return Napi::Error::New(env, text);
  return Napi::Error(env, errorClass.New({Napi::String::New(env, text), Napi::String::New(env, code),
                                          Napi::String::New(env, op), Napi::String::New(env, schema)}));
}

}  // namespace evenhand
