/* The kernels that no op is needed for: matrix products, copies, sums over a batch. */

/* One tile of C[m + n ldc] (+)= sum over p of A[m + p lda] B[n bn + p bp]: MV vectors by NV columns.
   Of the last vector only `rest` entries are written unless it is `full`, but all are read: there
   is room behind every array. */
static void store_rest(
    real *C, W ldc, const vec *sums, int columns, int rest, int add) {
  for (int j = 0; j < columns; j++, C += ldc)
    for (int l = 0; l < rest; l++) C[l] = (add ? C[l] : 0) + sums[j][l];
}

#define UNROLLED _Pragma("GCC unroll 16") for
#define TILE(MV, NV)                                                                        \
  {                                                                                         \
    vec sum[MV][NV];                                                                        \
    UNROLLED (int i = 0; i < MV; i++) UNROLLED (int j = 0; j < NV; j++) sum[i][j] = (vec){0}; \
    const real *a = A, *b = B;                                                              \
    for (W p = 0; p < P; p++, a += lda, b += bp) {                                          \
      vec column[MV];                                                                       \
      UNROLLED (int i = 0; i < MV; i++) column[i] = *(const vec *)(a + i * LANES);          \
      UNROLLED (int j = 0; j < NV; j++) {                                                   \
        const real x = b[j * bn];                                                           \
        UNROLLED (int i = 0; i < MV; i++) sum[i][j] += column[i] * x;                       \
      }                                                                                     \
    }                                                                                       \
    const int vectors = full ? MV : MV - 1;                                                 \
    if (add) UNROLLED (int j = 0; j < NV; j++) UNROLLED (int i = 0; i < MV; i++)            \
      if (i < vectors) sum[i][j] += *(const vec *)(C + j * ldc + i * LANES);                \
    UNROLLED (int j = 0; j < NV; j++) UNROLLED (int i = 0; i < MV; i++)                     \
      if (i < vectors) *(vec *)(C + j * ldc + i * LANES) = sum[i][j];                       \
    if (!full) {                                                                            \
      vec last[NV];                                                                         \
      UNROLLED (int j = 0; j < NV; j++) last[j] = sum[MV - 1][j];                           \
      store_rest(C + (MV - 1) * LANES, ldc, last, NV, rest, add);                           \
    }                                                                                       \
  }

#define OPERANDS real *C, W ldc, const real *A, W lda, const real *B, W bn, W bp
#define GIVEN C, ldc, A, lda, B, bn, bp

#define ROWS(MV, NV)                                                                   \
  static void rows_##MV(OPERANDS, W N, W P, int add, int full, int rest) {             \
    W n = 0;                                                                           \
    for (; n + NV <= N; n += NV, B += NV * bn, C += NV * ldc) TILE(MV, NV)             \
    for (; n + 2 <= N; n += 2, B += 2 * bn, C += 2 * ldc) TILE(MV, 2)                  \
    if (n < N) TILE(MV, 1)                                                             \
  }
#define COLUMN(MV)                                                                     \
  static void column_##MV(OPERANDS, W P, int add, int full, int rest) TILE(MV, 1)

#if VECTOR_BYTES == 64
ROWS(1, 12) ROWS(2, 8) ROWS(3, 6)
#else
ROWS(1, 8) ROWS(2, 4) ROWS(3, 4)
#endif
COLUMN(8) COLUMN(4) COLUMN(2) COLUMN(1)

static void vector_product(OPERANDS, W M, W P, int add) {
  for (; M >= 8 * LANES; M -= 8 * LANES, A += 8 * LANES, C += 8 * LANES)
    column_8(GIVEN, P, add, 1, 0);
  if (M >= 4 * LANES) { column_4(GIVEN, P, add, 1, 0); M -= 4 * LANES; A += 4 * LANES; C += 4 * LANES; }
  if (M >= 2 * LANES) { column_2(GIVEN, P, add, 1, 0); M -= 2 * LANES; A += 2 * LANES; C += 2 * LANES; }
  if (M > LANES) column_2(GIVEN, P, add, 0, (int)(M - LANES));
  else if (M > 0) column_1(GIVEN, P, add, M == LANES, (int)M);
}

void k_matmul(const W *c) {
  real *C = PTR(2);
  const real *A = PTR(4), *B = PTR(6);
  const W ldc = c[3], lda = c[5], bn = c[7], bp = c[8], N = c[10], P = c[11];
  const int add = (int)c[12];
  W M = c[9];
  if (N == 1) { vector_product(GIVEN, M, P, add); return; }
  for (; M >= 3 * LANES; M -= 3 * LANES, A += 3 * LANES, C += 3 * LANES)
    rows_3(GIVEN, N, P, add, 1, 0);
  if (M > 2 * LANES) rows_3(GIVEN, N, P, add, 0, (int)(M - 2 * LANES));
  else if (M > LANES) rows_2(GIVEN, N, P, add, M == 2 * LANES, (int)(M - LANES));
  else if (M > 0) rows_1(GIVEN, N, P, add, M == LANES, (int)M);
}

/* D[j + i ldd] = S[i si + j sj], in squares that stay in the cache */
void k_transpose(const W *c) {
  real *restrict D = PTR(2);
  const real *restrict S = PTR(4);
  const W ldd = c[3], si = c[5], sj = c[6], ni = c[7], nj = c[8];
  for (W i0 = 0; i0 < ni; i0 += 8)
    for (W j0 = 0; j0 < nj; j0 += 8) {
      const W i1 = i0 + 8 < ni ? i0 + 8 : ni, j1 = j0 + 8 < nj ? j0 + 8 : nj;
      for (W i = i0; i < i1; i++)
        for (W j = j0; j < j1; j++) D[j + i * ldd] = S[i * si + j * sj];
    }
}

/* d[i] = s[x[i]], rows of B numbers */
void k_gather(const W *c) {
  real *restrict d = PTR(2);
  const real *restrict s = PTR(3);
  const int32_t *x = INDEX(4);
  const W n = c[5], B = c[6];
  if (B == 1) for (W i = 0; i < n; i++) d[i] = s[x[i]];
  else for (W i = 0; i < n; i++) memcpy(d + i * B, s + x[i] * B, B * sizeof(real));
}

void k_scatter(const W *c) {
  real *restrict d = PTR(2);
  const real *restrict s = PTR(3);
  const int32_t *x = INDEX(4);
  const W n = c[5], B = c[6];
  if (B == 1) for (W i = 0; i < n; i++) d[x[i]] = s[i];
  else for (W i = 0; i < n; i++) memcpy(d + x[i] * B, s + i * B, B * sizeof(real));
}

void k_scatter_add(const W *c) {
  real *restrict d = PTR(2);
  const real *restrict s = PTR(3);
  const int32_t *x = INDEX(4);
  const W n = c[5], B = c[6];
  if (B == 1) for (W i = 0; i < n; i++) d[x[i]] += s[i];
  else for (W i = 0; i < n; i++) {
    real *restrict to = d + x[i] * B;
    const real *restrict from = s + i * B;
    for (W b = 0; b < B; b++) to[b] += from[b];
  }
}

/* d[x[i]] += the sum over a batch of row y[i] */
void k_sum_batch(const W *c) {
  real *restrict d = PTR(2);
  const real *restrict s = PTR(3);
  const int32_t *x = INDEX(4), *y = INDEX(5);
  const W n = c[6], B = c[7];
  for (W i = 0; i < n; i++) {
    const real *from = s + y[i] * B;
    real sum = 0;
    _Pragma("omp simd reduction(+:sum)")
    for (W b = 0; b < B; b++) sum += from[b];
    d[x[i]] += sum;
  }
}

/* Row y[i] of a batch is s[x[i]] for every example. */
void k_broadcast(const W *c) {
  real *restrict d = PTR(2);
  const real *restrict s = PTR(3);
  const int32_t *x = INDEX(4), *y = INDEX(5);
  const W n = c[6], B = c[7];
  if (B == 1) for (W i = 0; i < n; i++) d[y[i]] = s[x[i]];
  else for (W i = 0; i < n; i++) {
    const real number = s[x[i]];
    real *to = d + y[i] * B;
    for (W b = 0; b < B; b++) to[b] = number;
  }
}

/* The inputs of a batch, example by example, into rows x[i]. */
void k_feed(const W *c) {
  real *restrict d = PTR(2);
  const double *restrict s = (const double *)(uintptr_t)c[3];
  const int32_t *x = INDEX(4);
  const W n = c[5], B = c[6];
  if (B == 1) for (W i = 0; i < n; i++) d[x[i]] = s[i];
  else for (W i = 0; i < n; i++) {
    real *to = d + x[i] * B;
    for (W b = 0; b < B; b++) to[b] = s[b * n + i];
  }
}

void k_zero(const W *c) { memset(PTR(2), 0, c[3] * sizeof(real)); }

void k_fill(const W *c) {
  real *restrict d = PTR(2);
  const double x = *(const double *)(uintptr_t)c[3];
  for (W b = 0; b < c[4]; b++) d[b] = x;
}

/* Between the tape's parameters, which are always double, and the numbers that are computed with. */
void k_narrow(const W *c) {
  real *restrict d = PTR(2);
  const double *restrict s = (const double *)(uintptr_t)c[3];
  for (W i = 0; i < c[4]; i++) d[i] = s[i];
}

void k_widen(const W *c) {
  double *restrict d = (double *)(uintptr_t)c[2];
  const real *restrict s = PTR(3);
  for (W i = 0; i < c[4]; i++) d[i] = s[i];
}

void mg_run(const W *c) {
  for (; c[0]; c += c[1]) ((void (*)(const W *))(uintptr_t)c[0])(c);
}
