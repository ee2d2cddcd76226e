/* core/geo.c against the C library in long double: same metres except where the exact value is a rounding tie. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include "core/geo.h"

#define RADIANS(micro) ((long double)(micro) / 1e6L * 3.14159265358979323846264338327950288L / 180.0L)

static long double exact(int64_t lat_a, int64_t lon_a, int64_t lat_b, int64_t lon_b)
{
    long double u = sinl(RADIANS(lat_a - lat_b) / 2), v = sinl(RADIANS(lon_a - lon_b) / 2);
    long double a = u * u + cosl(RADIANS(lat_a)) * cosl(RADIANS(lat_b)) * v * v;
    return 2 * 6371000.0L * asinl(sqrtl(a > 1 ? 1 : a));
}

static void compare(int64_t lat_a, int64_t lon_a, int64_t lat_b, int64_t lon_b)
{
    long double metres = exact(lat_a, lon_a, lat_b, lon_b);
    int64_t ours = core_geo_metres(lat_a, lon_a, lat_b, lon_b);
    if (fabsl(metres - (long double)ours) > 0.5001L) {
        print_error("%lld %lld %lld %lld: %.6Lf, ours %lld\n", (long long)lat_a, (long long)lon_a, (long long)lat_b,
                    (long long)lon_b, metres, (long long)ours);
        fail();
    }
    assert_int_equal(ours, core_geo_metres(lat_b, lon_b, lat_a, lon_a));
}

static int64_t within(int64_t bound)
{
    return (int64_t)((((uint64_t)rand() << 31) ^ (uint64_t)rand()) % (uint64_t)(2 * bound + 1)) - bound;
}

static void test_random_pairs(void **state)
{
    (void)state;
    srand(7);
    for (int i = 0; i < 200000; i++)
        compare(within(90000000), within(180000000), within(90000000), within(180000000));
    for (int i = 0; i < 100000; i++) { /* neighbours, where a formula by cosines would lose digits */
        int64_t lat = within(89000000), lon = within(179000000);
        compare(lat, lon, lat + within(500000), lon + within(500000));
    }
}

static void test_edges(void **state)
{
    const int64_t lats[] = {-90000000, -45000000, 0, 1, 45000000, 89999999, 90000000};
    const int64_t lons[] = {-180000000, -90000000, 0, 1, 90000000, 179999999, 180000000};
    (void)state;
    for (unsigned a = 0; a < 7; a++)
        for (unsigned b = 0; b < 7; b++)
            for (unsigned c = 0; c < 7; c++)
                for (unsigned d = 0; d < 7; d++) {
                    long double metres = exact(lats[a], lons[b], lats[c], lons[d]);
                    /* at antipodes the haversine itself is ill-conditioned: asin near 1 */
                    if (metres < 19900000.0L)
                        compare(lats[a], lons[b], lats[c], lons[d]);
                }
    assert_int_equal(core_geo_metres(0, 0, 0, 180000000), 20015087);
    assert_int_equal(core_geo_metres(39907500, 116397230, 39907500, 116397230), 0);
}

static void test_minutes(void **state)
{
    (void)state;
    assert_int_equal(core_geo_minutes(0, 1400, 60), 1);        /* never 0 */
    assert_int_equal(core_geo_minutes(100000, 1400, 60), 140); /* 100 km x 1.4 at 60 km/h */
    assert_int_equal(core_geo_minutes(100001, 1400, 60), 141); /* upwards */
    assert_int_equal(core_geo_minutes(20015087, 100000, 1), 120090522);
}

static void test_points_order_like_metres(void **state)
{
    (void)state;
    srand(11);
    for (int i = 0; i < 20000; i++) {
        int64_t lat[3], lon[3];
        double p[3][3], chord[2] = {0, 0};
        for (int j = 0; j < 3; j++) {
            lat[j] = within(90000000);
            lon[j] = within(180000000);
            core_geo_point(lat[j], lon[j], p[j]);
        }
        for (int j = 0; j < 3; j++) {
            chord[0] += (p[0][j] - p[1][j]) * (p[0][j] - p[1][j]);
            chord[1] += (p[0][j] - p[2][j]) * (p[0][j] - p[2][j]);
        }
        int64_t near = core_geo_metres(lat[0], lon[0], lat[1], lon[1]),
                far = core_geo_metres(lat[0], lon[0], lat[2], lon[2]);
        if (near + 10 < far)
            assert_true(chord[0] < chord[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_pairs), cmocka_unit_test(test_edges),
                                       cmocka_unit_test(test_minutes), cmocka_unit_test(test_points_order_like_metres)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
