/* What all kernels share: numbers, vectors, and the functions of the op table.

   A kernel is a function `void k(const W *c)` on a row of 64-bit words: c[0] is its own address,
   c[1] the length of the row, then follow sizes, addresses and strides. `mg_run` calls one
   kernel after the other until it meets a zero. The exponential functions are written with
   arithmetic and bits only, so that a loop over them becomes vector instructions. */

#include <float.h>
#include <stdint.h>
#include <string.h>

typedef int64_t W;
#define INLINE static inline __attribute__((always_inline, unused))
#define PTR(i) ((real *)(uintptr_t)c[i])
#define INDEX(i) ((const int32_t *)(uintptr_t)c[i])
#define AT(i) (PTR(i) + i0 * c[(i) + 1] + i1 * c[(i) + 2])
#define LOOPS for (W i0 = 0; i0 < c[2]; i0++) for (W i1 = 0; i1 < c[3]; i1++)

/* Before a loop whose rounds do not depend on each other, as the plan knows. */
#ifdef __clang__
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

#ifdef SINGLE
#include <tgmath.h>
typedef float real;
typedef int32_t bits;
#define LARGEST FLT_MAX
#else
#include <math.h>
typedef double real;
typedef int64_t bits;
#define LARGEST DBL_MAX
#endif

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
#define LANES ((int)(VECTOR_BYTES / sizeof(real)))
typedef real vec __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));

#ifdef SINGLE
#define MAGIC 12582912.0f         /* 1.5 * 2^23: adding it rounds to a whole number */
#define MAGIC_BITS 0x4B400000
#define MANTISSA 23
#define BIAS 127
#define LN2_HIGH 0x1.62e4p-1f
#define LN2_LOW 0x1.7f7d1cp-20f
#define EXP_INFINITE 88.72284f    /* above this exp is infinite */
#define EXP_TINY -80.0f           /* below this exp may be denormal */
#define EXP_ZERO -110.0f
#define EXPM1_LEAST -20.0f        /* below this expm1 is -1 */
#define TANH_ONE 10.0f            /* above this |x| tanh is 1 */
#define SMALL 1e-8f               /* below this expm1(x) is x */
#else
#define MAGIC 6755399441055744.0  /* 1.5 * 2^52: adding it rounds to a whole number */
#define MAGIC_BITS 0x4338000000000000
#define MANTISSA 52
#define BIAS 1023
#define LN2_HIGH 0x1.62e42fefa3800p-1
#define LN2_LOW 0x1.ef35793c76730p-45
#define EXP_INFINITE 709.782712893384
#define EXP_TINY -690.0
#define EXP_ZERO -750.0
#define EXPM1_LEAST -60.0
#define TANH_ONE 22.0
#define SMALL 1e-17
#endif

/* q(r) for |r| <= ln(2) / 2, where e^r = 1 + r + r^2 q(r), by its Taylor polynomial. What is made
   of it below is arranged so that little has to wait for q: in a chain of lone nodes, which
   is what recurrences are, the time of an op is that of its longest path. */
INLINE real exp_rest(real r) {
  const real r2 = r * r, r4 = r2 * r2;
  const real a = (real)(1.0 / 2) + r * (real)(1.0 / 6);
  const real b = (real)(1.0 / 24) + r * (real)(1.0 / 120);
  const real d = (real)(1.0 / 720) + r * (real)(1.0 / 5040);
#ifdef SINGLE
  return (a + r2 * b) + r4 * d;
#else
  const real e = 1.0 / 40320 + r * (1.0 / 362880);
  const real f = 1.0 / 3628800 + r * (1.0 / 39916800);
  const real g = 1.0 / 479001600 + r * (1.0 / 6227020800.0);
  return ((a + r2 * b) + r4 * (d + r2 * e)) + (r4 * r4) * (f + r2 * g);
#endif
}

/* x = k ln(2) + r; `whole` is k */
#define REDUCE(x)                                                        \
  real whole = (x) * (real)1.4426950408889634 + MAGIC;                   \
  bits k;                                                                \
  memcpy(&k, &whole, sizeof k);                                          \
  k -= MAGIC_BITS;                                                       \
  whole -= MAGIC;

INLINE real power_of_2(bits k) {
  const bits shifted = (bits)((uint64_t)(k + BIAS) << MANTISSA);
  real found;
  memcpy(&found, &shifted, sizeof found);
  return found;
}

INLINE real mg_exp(real x) {
  real bounded = x > EXP_INFINITE ? EXP_INFINITE : x;
  bounded = bounded < EXP_ZERO ? EXP_ZERO : bounded;
  REDUCE(bounded)
  const real r = (bounded - whole * LN2_HIGH) - whole * LN2_LOW;
  /* 2^k in two factors: k may be 1024, and the result may be denormal */
  const bits apart = bounded < EXP_TINY ? 64 : -1;
  const real back = bounded < EXP_TINY ? (real)0x1p-64 : (real)2.0;
  const real s = power_of_2(k + apart);
  const real found = ((s + s * r) + (s * (r * r)) * exp_rest(r)) * back;
  return x > EXP_INFINITE ? (real)INFINITY : found;
}

INLINE real mg_expm1(real x) {
  real bounded = x > EXP_INFINITE ? EXP_INFINITE : x;
  bounded = bounded < EXPM1_LEAST ? EXPM1_LEAST : bounded;
  REDUCE(bounded)
  const real r = (bounded - whole * LN2_HIGH) - whole * LN2_LOW;
  const real p = r + (r * r) * exp_rest(r), s = power_of_2(k - 1);
  const real found = (s * p + (s - (real)0.5)) * (real)2.0;
  const real small = (x < 0 ? -x : x) < SMALL ? x : found;
  return x > EXP_INFINITE ? (real)INFINITY : small;
}

/* t / (t + 2) with t = e^(2 |x|) - 1. One constant is enough for ln(2): where k is large, and
   its error with it, the derivative of tanh is small. */
INLINE real mg_tanh(real x) {
  const real a = x < 0 ? -x : x;
  REDUCE(2 * a)
  const real r = 2 * a - whole * (real)0.6931471805599453;
  const real s = power_of_2(k), rest = exp_rest(r), share = s * (r * r);
  const real first = s * r + (s - 1);
  const real found = (first + share * rest) / ((first + 2) + share * rest);
  const real bounded = a > TANH_ONE ? (real)1.0 : found;
#ifdef SINGLE
  return copysignf(bounded, x);
#else
  return copysign(bounded, x);
#endif
}
