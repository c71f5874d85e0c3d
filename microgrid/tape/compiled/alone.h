/* Functions of lone nodes, which run one after the other: what counts is how long the next node
   has to wait for a result, not how many numbers are made at once. */

#ifdef SINGLE
#define mg_tanh_alone mg_tanh
#else
#define TANH_END 20   /* from here on tanh is 1 */
#define TANH_STEPS 64 /* places for each unit of x */
#define TANH_MAGIC (MAGIC / TANH_STEPS + TANH_END) /* adding it rounds to a place, and counts them */

/* At place c the Taylor series of tanh(c + r) in r, in which |r| <= 1/128. */
static real tanh_series[2 * TANH_END * TANH_STEPS + 1][8] __attribute__((aligned(64)));

/* The terms follow from t' = 1 - t^2, power by power: (n + 1) t_(n+1) = [n = 0] - sum t_k t_(n-k). */
__attribute__((constructor)) static void fill_tanh_series(void) {
  for (int place = 0; place <= 2 * TANH_END * TANH_STEPS; place++) {
    real *t = tanh_series[place];
    t[0] = tanh((real)place / TANH_STEPS - TANH_END);
    for (int n = 0; n < 7; n++) {
      real sum = n == 0;
      for (int k = 0; k <= n; k++) sum -= t[k] * t[n - k];
      t[n + 1] = sum / (n + 1);
    }
  }
}

/* A look-up and a short polynomial, without the division of mg_tanh: half as long. */
INLINE real mg_tanh_alone(real x) {
  if (!(x > -TANH_END && x < TANH_END)) return mg_tanh(x); /* nan, too */
  if (x == 0) return x; /* -0 is -0 */
  const real place = x + TANH_MAGIC;
  bits k;
  memcpy(&k, &place, sizeof k);
  const real *t = tanh_series[(uint32_t)k];
  const real r = x - (place - TANH_MAGIC), r2 = r * r, r4 = r2 * r2;
  return ((t[0] + r * t[1]) + r2 * (t[2] + r * t[3])) +
         r4 * ((t[4] + r * t[5]) + r2 * (t[6] + r * t[7]));
}
#endif
