/* Fused multiply-adds a core does in a second, from registers: twelve independent chains. */
#include <time.h>
typedef double lanes __attribute__((vector_size(64)));

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
    return n * 12.0 * 16.0 / ((stop.tv_sec - start.tv_sec) * 1e9 + (stop.tv_nsec - start.tv_nsec));
}
