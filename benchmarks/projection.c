/* The fused projection in C, tuned, as fast as C with -O3 makes it: the yardstick of benchmarks/core.py.
 * Same layout and work as popsim.kernels.projection: draws innermost in tiles of 64, a window that
 * slides over rows of cohorts, parity as shares; counts, timing even, outflows cut and counted.
 * ORDERS is given to the compiler. Stocks and outputs as in the kernel's docstrings. */
#include <stddef.h>
#include <string.h>
#define L 64
typedef double row[L];
#define LANES for (int l = 0; l < L; l++)

/* Move five cohorts that nobody leaves: sums in registers, each row loaded and stored once. */
static inline __attribute__((always_inline)) void five(
    double *restrict c, double *restrict was, int expose, const double *S, const double *U,
    const double *V, const double *M, const double *restrict m, const double *restrict u,
    const double *restrict w, int weighted, double *restrict dead, double *restrict group)
{
    double b = M[-1] / 2, e0 = M[0] / 2, e1 = M[1] / 2, e2 = M[2] / 2, e3 = M[3] / 2, e4 = M[4] / 2;
    double s0 = S[0], s1 = S[1], s2 = S[2], s3 = S[3], s4 = S[4];
    double u0 = U[0], u1 = U[1], u2 = U[2], u3 = U[3], u4 = U[4];
    double v0 = V[0], v1 = V[1], v2 = V[2], v3 = V[3], v4 = V[4];
#define P(i) (weighted ? s##i + u[l] * u##i + w[l] * v##i : s##i)
    LANES {
        double m0 = e0 * m[l], m1 = e1 * m[l], m2 = e2 * m[l], m3 = e3 * m[l], m4 = e4 * m[l];
        double n0 = c[l] + b * m[l], n1 = c[L + l] + m0, n2 = c[2 * L + l] + m1;
        double n3 = c[3 * L + l] + m2, n4 = c[4 * L + l] + m3;
        double a0 = P(0) * n0, a1 = P(1) * n1, a2 = P(2) * n2, a3 = P(3) * n3, a4 = P(4) * n4;
        double f0 = a0 + m0, f1 = a1 + m1, f2 = a2 + m2, f3 = a3 + m3, f4 = a4 + m4;
        c[l] = f0, c[L + l] = f1, c[2 * L + l] = f2, c[3 * L + l] = f3, c[4 * L + l] = f4;
        dead[l] += ((n0 - a0) + (n1 - a1)) + ((n2 - a2) + (n3 - a3)) + (n4 - a4);
        group[l] += ((f0 + f1) + (f2 + f3)) + f4;
        if (expose)
            was[l] = n0, was[L + l] = n1, was[2 * L + l] = n2, was[3 * L + l] = n3,
            was[4 * L + l] = n4;
    }
}

/* Bear at one age, or two: rows of shares of those who arrive, live there and arrive at the next
 * age, live there; each loaded and stored once, sums in registers. */
static inline __attribute__((always_inline)) void bear(
    int ages, double *restrict share, const double *restrict here, const double *restrict there,
    const double h[2][ORDERS], double age, const double (*restrict f)[L], double (*restrict sum)[L],
    double (*restrict total)[L], double (*restrict aged)[L])
{
    LANES {
        double p[3][ORDERS], n[ORDERS] = {0}, g[ORDERS] = {0}, e[ORDERS] = {0};
#pragma GCC unroll 8
        for (int j = 0; j <= ages; j++)
#pragma GCC unroll 8
            for (int k = 0; k < ORDERS; k++)
                p[j][k] = share[(j * ORDERS + k) * L + l];
#pragma GCC unroll 8
        for (int j = 0; j < ages; j++) {
            double x = here[j * L + l], z = there[j * L + l], mean = 0.5 * (x + z);
            double inverse = mean > 0 ? 1 / mean : 0, b1 = 0, b2 = 0;
#pragma GCC unroll 8
            for (int k = 0; k < ORDERS; k++) {
                double q = h[j][k] * f[k][l], r = k < ORDERS - 1 ? q / (1 + 0.5 * q) : q;
                double n2 = r * (p[j][k] + 0.5 * b2), n1 = r * (p[j + 1][k] + 0.5 * b1);
                p[j][k] += b2 - (k < ORDERS - 1 ? n2 : 0);
                p[j + 1][k] += b1 - (k < ORDERS - 1 ? n1 : 0);
                b2 = n2, b1 = n1;
                double born = x * b1 + z * b2;
                n[k] += born;
                g[k] += born * inverse;
                e[k] += (age + j) * (born * inverse);
            }
        }
#pragma GCC unroll 8
        for (int j = 0; j <= ages; j++)
#pragma GCC unroll 8
            for (int k = 0; k < ORDERS; k++)
                share[(j * ORDERS + k) * L + l] = p[j][k];
#pragma GCC unroll 8
        for (int k = 0; k < ORDERS; k++)
            sum[k][l] += n[k], total[k][l] += g[k], aged[k][l] += e[k];
    }
}

static inline void load(double *restrict to, const double *from, long y, long years, long draws,
                        long stride, long d)
{
    const double *year = from + (years > 1 ? y : 0) * stride;
    LANES to[l] = year[draws > 1 ? (d + l < draws ? d + l : draws - 1) : 0];
}

static void store(double *to, const double *from, long d, long draws)
{
    long m = draws - d < L ? draws - d : L;
    memcpy(to + d, from, m * sizeof(double));
}

/* Scratch: stock 2 (A + Y) L, share (F + 1 + Y) ORDERS L, resident (A + 1) L. */
void project(long Y, long A, long D, long G, long from, long to, const double *base,
             const double *base_share, const double *half, const double *s, const double *up,
             const double *down, const double *move, const double *girls, const long *breaks,
             const double *factor, long factor_draws, const double *weight, const double *mover,
             long mover_draws, double *scratch, double *births, double *rate, double *age_rate,
             double *by_sex, double *deaths, double *moved, double *groups, double *cut)
{
    const int K = ORDERS;
    long window = (A + Y) * L;
    double *stock = scratch, *share = stock + 2 * window;
    double *resident = share + (to - from + 1 + Y) * K * L;
    for (long d = 0; d < D; d += L) {
        row cut_persons = {0}, cut_cells = {0};
        for (int x = 0; x < 2; x++)
            for (long a = 0; a < A; a++)
                LANES stock[x * window + (Y + a) * L + l] = base[x * A + a];
        for (int x = 0; x < 2; x++)
            for (long g = 0; g < G; g++) {
                row sum = {0};
                for (long a = breaks[g]; a < breaks[g + 1]; a++)
                    LANES sum[l] += base[x * A + a];
                store(groups + (x * G + g) * D, sum, d, D);
            }
        for (long a = from; a < to; a++)
            for (int k = 0; k < K; k++)
                LANES share[((Y + a - from) * K + k) * L + l] = base_share[k * A + a];
        for (long y = 0; y < Y; y++) {
            row u = {0}, w = {0}, f[ORDERS], m, girl = {0}, boy = {0};
            row group[G];
            long now = Y - y;
            load(m, mover, y, mover_draws > 1 ? Y : 1, mover_draws, mover_draws, d);
            double least = 0;
            LANES least = m[l] < least ? m[l] : least;
            for (int k = 0; k < K; k++)
                load(f[k], factor + (factor_draws > 1 ? k * factor_draws : k), y,
                     factor_draws > 1 ? Y : 1, factor_draws, K * factor_draws, d);
            if (weight) {
                load(u, weight, y, Y, D, D, d);
                LANES w[l] = u[l] < 0 ? -u[l] : 0;
                LANES u[l] = u[l] > 0 ? u[l] : 0;
            }
            for (int x = 0; x < 2; x++) {
                row dead = {0}, lost = {0}, cells = {0};
                double *restrict n = stock + x * window + now * L;
                const double *S = s + (y * 2 + x) * A, *U = up + (y * 2 + x) * A;
                const double *V = down + (y * 2 + x) * A, *M = move + (y * 2 + x) * A;
                for (long g = 0; g < G; g++)
                    LANES group[g][l] = 0;
                long g = 0;
                for (long a = 1; a < A; a++) {
                    while (a >= breaks[g + 1])
                        g++;
                    double *restrict c = n + (a - 1) * L, *restrict was = resident + (a - 1) * L;
                    int inwards = least >= 0 && a + 5 <= breaks[g + 1] && a + 5 < A;
                    for (long i = a - 1; inwards && i < a + 5; i++)
                        inwards = M[i] >= 0;
                    if (inwards) {
                        int expose = x == 0 && a + 4 >= from && a <= to;
                        if (weight)
                            five(c, was, expose, S + a, U + a, V + a, M + a, m, u, w, 1, dead,
                                 group[g]);
                        else
                            five(c, was, expose, S + a, U + a, V + a, M + a, m, u, w, 0, dead,
                                 group[g]);
                        a += 4;
                        continue;
                    }
                    double m0 = M[a - 1] / 2, m1 = M[a] / 2, s0 = S[a], u0 = U[a], v0 = V[a];
                    if (a == A - 1)
                        LANES {
                            double asked = c[L + l] + m1 * m[l], kept = asked < 0 ? 0 : asked;
                            lost[l] += kept - asked;
                            cells[l] += asked < 0;
                            c[L + l] = kept;
                        }
                    int expose = x == 0 && a >= from && a <= to;
                    double *restrict sum = group[g];
                    LANES {
                        double asked = c[l] + m0 * m[l], kept = asked < 0 ? 0 : asked;
                        double all = a == A - 1 ? kept + c[L + l] : kept;
                        double p = weight ? s0 + u[l] * u0 + w[l] * v0 : s0;
                        double alive = p * all, left = alive + m1 * m[l];
                        double after = left < 0 ? 0 : left;
                        dead[l] += all - alive;
                        lost[l] += (kept - asked) + (after - left);
                        cells[l] += (asked < 0) + (left < 0);
                        c[l] = after;
                        sum[l] += after;
                        if (expose)
                            was[l] = kept;
                    }
                }
                if (x == 0) {
                    row sum[ORDERS] = {{0}}, total[ORDERS] = {{0}}, aged[ORDERS] = {{0}};
                    double *first = share + (now - 1) * K * L;
                    LANES first[l] = 1;
                    memset(first + L, 0, (K - 1) * L * sizeof(double));
                    for (long a = from; a < to; a += 2) {
                        double *lower = share + (now - 1 + a - from) * K * L, h[2][ORDERS];
                        int two = a + 1 < to;
                        for (int k = 0; k < K; k++) {
                            h[0][k] = half[(y * K + k) * A + a];
                            h[1][k] = two ? half[(y * K + k) * A + a + 1] : 0;
                        }
                        if (two)
                            bear(2, lower, resident + a * L, n + (a - 1) * L, h, a + 0.5, f, sum,
                                 total, aged);
                        else
                            bear(1, lower, resident + a * L, n + (a - 1) * L, h, a + 0.5, f, sum,
                                 total, aged);
                    }
                    for (int k = 0; k < K; k++) {
                        double share_girls = girls[y * K + k];
                        LANES girl[l] += share_girls * sum[k][l];
                        LANES boy[l] += sum[k][l] - share_girls * sum[k][l];
                        store(births + (y * K + k) * D, sum[k], d, D);
                        store(rate + (y * K + k) * D, total[k], d, D);
                        store(age_rate + (y * K + k) * D, aged[k], d, D);
                    }
                    store(by_sex + y * 2 * D, girl, d, D);
                    store(by_sex + (y * 2 + 1) * D, boy, d, D);
                }
                double all_moves = 0, *restrict c = n - L;
                const double *born = x ? boy : girl;
                for (long a = 0; a < A; a++)
                    all_moves += M[a];
                row net;
                LANES {
                    double p = weight ? S[0] + u[l] * U[0] + w[l] * V[0] : S[0];
                    double alive = p * born[l], left = alive + M[0] / 2 * m[l];
                    c[l] = left < 0 ? 0 : left;
                    group[0][l] += c[l];
                    dead[l] += born[l] - alive;
                    lost[l] += c[l] - left;
                    cells[l] += left < 0;
                    net[l] = all_moves * m[l] + lost[l];
                    cut_persons[l] += lost[l];
                    cut_cells[l] += cells[l];
                }
                for (long i = 0; i < G; i++)
                    store(groups + (((y + 1) * 2 + x) * G + i) * D, group[i], d, D);
                store(deaths + (y * 2 + x) * D, dead, d, D);
                store(moved + (y * 2 + x) * D, net, d, D);
            }
        }
        store(cut, cut_persons, d, D);
        store(cut + D, cut_cells, d, D);
    }
}
