/* The fused projection in C, as fast as plain C with -O3 makes it: the yardstick of benchmarks/core.py.
 * Same layout and work as popsim.kernels.projection: draws innermost in tiles of 64, a window that
 * slides over rows of cohorts, parity as shares; counts, timing even, outflows cut and counted.
 * ORDERS is given to the compiler. Stocks and outputs as in the kernel's docstrings. */
#include <stddef.h>
#include <string.h>
#define L 64
typedef double row[L];
#define LANES for (int l = 0; l < L; l++)

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

/* Scratch: stock 2 (A + Y) L, share (F + 1 + Y) ORDERS L, resident and arrived (A + 1) L. */
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
    double *resident = share + (to - from + 1 + Y) * K * L, *arrived = resident + (A + 1) * L;
    for (long d = 0; d < D; d += L) {
        row cut_persons = {0}, cut_cells = {0};
        for (int x = 0; x < 2; x++)
            for (long a = 0; a < A; a++)
                LANES stock[x * window + (Y + a) * L + l] = base[x * A + a];
        for (long a = from; a < to; a++)
            for (int k = 0; k < K; k++)
                LANES share[((Y + a - from) * K + k) * L + l] = base_share[k * A + a];
        for (long y = 0; y <= Y; y++) {
            row u = {0}, w = {0}, f[ORDERS], m, girl = {0}, boy = {0};
            long now = Y - y;
            for (int x = 0; x < 2; x++)
                for (long g = 0; g < G; g++) {
                    row sum = {0};
                    const double *n = stock + x * window + now * L;
                    for (long a = breaks[g]; a < breaks[g + 1]; a++)
                        LANES sum[l] += n[a * L + l];
                    store(groups + ((y * 2 + x) * G + g) * D, sum, d, D);
                }
            if (y == Y)
                break;
            load(m, mover, y, mover_draws > 1 ? Y : 1, mover_draws, mover_draws, d);
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
                for (long a = 1; a < A; a++) {
                    double *restrict c = n + (a - 1) * L;
                    double *restrict was = resident + (a - 1) * L, *restrict is = arrived + a * L;
                    double m0 = M[a - 1] / 2, m1 = M[a] / 2, s0 = S[a], u0 = U[a], v0 = V[a];
                    if (a == A - 1)
                        LANES {
                            double asked = c[L + l] + m1 * m[l], kept = asked < 0 ? 0 : asked;
                            lost[l] += kept - asked;
                            cells[l] += asked < 0;
                            c[L + l] = kept;
                        }
                    int expose = x == 0 && a >= from && a <= to;
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
                        if (expose) {
                            was[l] = kept;
                            is[l] = after;
                        }
                    }
                }
                if (x == 0) {
                    row sum[ORDERS] = {{0}}, total[ORDERS] = {{0}}, aged[ORDERS] = {{0}};
                    double *first = share + (now - 1) * K * L;
                    LANES first[l] = 1;
                    memset(first + L, 0, (K - 1) * L * sizeof(double));
                    for (long a = from; a < to; a++) {
                        double *restrict lower = share + (now - 1 + a - from) * K * L;
                        const double *here = resident + a * L, *there = arrived + a * L;
                        double age = a + 0.5, h[ORDERS];
                        for (int k = 0; k < K; k++)
                            h[k] = half[(y * K + k) * A + a];
                        LANES {
                            double mean = 0.5 * (here[l] + there[l]), b1 = 0, b2 = 0;
                            double inverse = mean > 0 ? 1 / mean : 0;
#pragma GCC unroll 8
                            for (int k = 0; k < K; k++) {
                                double q = h[k] * f[k][l];
                                double r = k < K - 1 ? q / (1 + 0.5 * q) : q;
                                double in2 = lower[k * L + l], in1 = lower[(K + k) * L + l];
                                double n2 = r * (in2 + 0.5 * b2), n1 = r * (in1 + 0.5 * b1);
                                lower[k * L + l] = in2 + b2 - (k < K - 1 ? n2 : 0);
                                lower[(K + k) * L + l] = in1 + b1 - (k < K - 1 ? n1 : 0);
                                b2 = n2;
                                b1 = n1;
                                double born = here[l] * b1 + there[l] * b2;
                                sum[k][l] += born;
                                total[k][l] += born * inverse;
                                aged[k][l] += age * (born * inverse);
                            }
                        }
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
                    dead[l] += born[l] - alive;
                    lost[l] += c[l] - left;
                    cells[l] += left < 0;
                    net[l] = all_moves * m[l] + lost[l];
                    cut_persons[l] += lost[l];
                    cut_cells[l] += cells[l];
                }
                store(deaths + (y * 2 + x) * D, dead, d, D);
                store(moved + (y * 2 + x) * D, net, d, D);
            }
        }
        store(cut, cut_persons, d, D);
        store(cut + D, cut_cells, d, D);
    }
}
