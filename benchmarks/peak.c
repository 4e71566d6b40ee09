/* What a core can do at most: multiply-adds from registers, and what it moves through memory. */
#include <stdlib.h>
#include <time.h>
typedef double lanes __attribute__((vector_size(64)));

static double seconds(struct timespec a, struct timespec b)
{
    return (b.tv_sec - a.tv_sec) + 1e-9 * (b.tv_nsec - a.tv_nsec);
}

/* Billion bytes a second of the triad of STREAM (McCalpin 1995), a = b + x c, three times 64 MB;
 * counted as there, without what is read of a before it is written. The best of some passes. */
double triad(void)
{
    long n = 8000000;
    double *a = malloc(n * sizeof(double)), *b = malloc(n * sizeof(double));
    double *c = malloc(n * sizeof(double)), best = 0;
    for (long i = 0; i < n; i++)
        a[i] = 0, b[i] = 1, c[i] = 2;
    for (int pass = 0; pass < 8; pass++) {
        struct timespec start, stop;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
        for (long i = 0; i < n; i++)
            a[i] = b[i] + 0.5 * c[i];
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &stop);
        double rate = 3e-9 * n * sizeof(double) / seconds(start, stop);
        best = rate > best ? rate : best;
    }
    volatile double kept = a[n / 2];
    (void)kept;
    free(a), free(b), free(c);
    return best;
}

/* Billion floating-point operations a second: twelve independent chains of multiply-adds. */
double peak(void)
{
    lanes a = {1}, b = {2}, c = {3}, d = {4}, e = {5}, f = {6}, x = {0.999}, y = {0.001};
    lanes g = {7}, h = {8}, i = {9}, j = {10}, k = {11}, l = {12};
    struct timespec start, stop;
    long n = 20000000;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    for (long r = 0; r < n; r++) {
        a = a * x + y, b = b * x + y, c = c * x + y, d = d * x + y, e = e * x + y, f = f * x + y;
        g = g * x + y, h = h * x + y, i = i * x + y, j = j * x + y, k = k * x + y, l = l * x + y;
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &stop);
    volatile lanes kept = a + b + c + d + e + f + g + h + i + j + k + l;
    (void)kept;
    return n * 12.0 * 16.0 / 1e9 / seconds(start, stop);
}
