// Images as typed arrays: what src/image.ts exports.
#pragma once

#include <napi.h>

namespace evenhand {

void exportImage(Napi::Object exports);

}  // namespace evenhand
