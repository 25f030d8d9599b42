#pragma once

#include <c10/core/Stream.h>
#include <napi.h>

namespace evenhand {

// The stream behind what newStream returned.
c10::Stream streamOf(const Napi::Value& value);

}  // namespace evenhand
