// Compiles one source for several generations of x86 vector instructions and selects the best one at run time. On other
// processors the compiler's default target is used. The loops are plain C++ that compilers vectorize, without intrinsics.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__GNUC__) && !defined(__clang__)
// Otherwise GCC keeps each comparison as a branch, for the sake of exception flags that nobody reads, and loops with an
// activation are not vectorized: five to ten times slower. clang assumes this by default.
#pragma GCC optimize("no-trapping-math")
#endif

#define EVENHAND_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__) && defined(__GNUC__)
#define EVENHAND_AVX2 __attribute__((target("avx2,fma")))
#define EVENHAND_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")))

namespace evenhand {
inline int simdLevel() {
  static const int level = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")
                               ? 2
                           : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 1
                                                                                             : 0;
  return level;
}
}  // namespace evenhand

// Defines `name(params)`, which runs the EVENHAND_INLINE function `name##Body(args)` with the widest vectors available.
#define EVENHAND_DISPATCH_PLAIN(name, params, args)                    \
  EVENHAND_AVX512 static void name##Avx512 params { name##Body args; } \
  EVENHAND_AVX2 static void name##Avx2 params { name##Body args; }     \
  static void name params {                                            \
    switch (simdLevel()) {                                             \
      case 2: return name##Avx512 args;                                \
      case 1: return name##Avx2 args;                                  \
      default: return name##Body args;                                 \
    }                                                                  \
  }
// The same for a template of an activation.
#define EVENHAND_DISPATCH(name, params, args)                               \
  template <Activation activation>                                          \
  EVENHAND_AVX512 static void name##Avx512 params { name##Body<activation> args; } \
  template <Activation activation>                                          \
  EVENHAND_AVX2 static void name##Avx2 params { name##Body<activation> args; } \
  template <Activation activation>                                          \
  static void name params {                                                 \
    switch (simdLevel()) {                                                  \
      case 2: return name##Avx512<activation> args;                         \
      case 1: return name##Avx2<activation> args;                           \
      default: return name##Body<activation> args;                          \
    }                                                                       \
  }
#else
#define EVENHAND_DISPATCH_PLAIN(name, params, args) \
  static void name params { name##Body args; }
#define EVENHAND_DISPATCH(name, params, args) \
  template <Activation activation>            \
  static void name params { name##Body<activation> args; }
#endif

namespace evenhand {

// exp(x) as 2^n times a polynomial for 2^f, |f| <= 1/2 (minimax, relative error 2e-7), because libm's does not vectorize.
EVENHAND_INLINE float fastExp(float x) {
  const float clamped = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
  const float scaled = clamped * 1.44269504f;
  const float magic = 12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
  const float shifted = scaled + magic;
  const float f = scaled - (shifted - magic);
  float p = 1.5403530e-4f;
  p = p * f + 1.3333558e-3f;
  p = p * f + 9.6181291e-3f;
  p = p * f + 5.5504109e-2f;
  p = p * f + 2.4022651e-1f;
  p = p * f + 6.9314718e-1f;
  p = p * f + 1.0f;
  int32_t exponent, bits;
  std::memcpy(&exponent, &shifted, sizeof exponent);
  std::memcpy(&bits, &p, sizeof bits);
  bits += static_cast<int32_t>(static_cast<uint32_t>(exponent) << 23);
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

EVENHAND_INLINE float fastSigmoid(float x) { return 1.0f / (1.0f + fastExp(-x)); }

}  // namespace evenhand
