/*
 * Distances that are the same on every machine (geo.h). The C library's sin, cos and asin differ in the last bit
 * between versions; these use IEEE basic operations and sqrt only, which are exactly rounded everywhere.
 *
 * sin and cos: argument folded to [-pi/4, pi/4] and Taylor series up to x^17 and x^16; the first term left out is below
 * 1e-17 there. asin on [0, 1]: asin(x) = 2 asin(x / sqrt(2 (1 + sqrt(1 - x^2)))) halves the angle until x <= 0.13, then
 * the series of asin up to x^15 (next term below 1e-17). Together the distance is within a millimetre of the exact
 * sphere.
 */
#include "core/geo.h"
#include <math.h>
#include <stdbool.h>

#define PI 3.14159265358979323846

static double sin_small(double x)
{
    double y = x * x, sum = 0;
    static const double factor[] = {
        1.0 / 355687428096000.0, -1.0 / 1307674368000.0, 1.0 / 6227020800.0, -1.0 / 39916800.0,
        1.0 / 362880.0,          -1.0 / 5040.0,          1.0 / 120.0,        -1.0 / 6.0};
    for (unsigned i = 0; i < sizeof factor / sizeof *factor; i++)
        sum = (sum + factor[i]) * y;
    return x + x * sum;
}

static double cos_small(double x)
{
    double y = x * x, sum = 0;
    static const double factor[] = {1.0 / 20922789888000.0, -1.0 / 87178291200.0, 1.0 / 479001600.0, -1.0 / 3628800.0,
                                    1.0 / 40320.0,          -1.0 / 720.0,         1.0 / 24.0,        -1.0 / 2.0};
    for (unsigned i = 0; i < sizeof factor / sizeof *factor; i++)
        sum = (sum + factor[i]) * y;
    return 1.0 + sum;
}

/* Micro-degrees, folded exactly in integers before the one conversion to radians. */
static double sin_micro(int64_t micro)
{
    bool negative = micro < 0;
    double value;
    if (negative)
        micro = -micro;
    micro %= 360000000;
    if (micro >= 180000000) {
        micro -= 180000000;
        negative = !negative;
    }
    if (micro > 90000000)
        micro = 180000000 - micro;
    value = micro <= 45000000 ? sin_small((double)micro * (PI / 180e6))
                              : cos_small((double)(90000000 - micro) * (PI / 180e6));
    return negative ? -value : value;
}

static double cos_micro(int64_t micro)
{
    return sin_micro(micro + 90000000);
}

static double asin_unit(double x)
{
    double scale = 1, y, sum = 0;
    static const double factor[] = {143.0 / 10240.0, 231.0 / 13312.0, 63.0 / 2816.0, 35.0 / 1152.0,
                                    5.0 / 112.0,     3.0 / 40.0,      1.0 / 6.0};
    while (x > 0.13) { /* at most 4 times from 1 */
        x = x / sqrt(2.0 * (1.0 + sqrt(1.0 - x * x)));
        scale *= 2;
    }
    y = x * x;
    for (unsigned i = 0; i < sizeof factor / sizeof *factor; i++)
        sum = (sum + factor[i]) * y;
    return scale * (x + x * sum);
}

int64_t core_geo_metres(int64_t lat_a, int64_t lon_a, int64_t lat_b, int64_t lon_b)
{
    /* sin(d/2) with d in micro-degrees: an odd d needs half a micro-degree, so double resolution is kept by halving
     * sums */
    double half_lat, half_lon, a;
    int64_t dlat = lat_a - lat_b, dlon = lon_a - lon_b;
    double one_minus_cos_lat = 1.0 - cos_micro(dlat), one_minus_cos_lon = 1.0 - cos_micro(dlon);
    /* close points: 1 - cos loses digits, the sine of the half angle does not */
    half_lat =
        dlat > -45000000 && dlat < 45000000 ? sin_small((double)dlat * (PI / 360e6)) : sqrt(one_minus_cos_lat / 2.0);
    half_lon =
        dlon > -45000000 && dlon < 45000000 ? sin_small((double)dlon * (PI / 360e6)) : sqrt(one_minus_cos_lon / 2.0);
    a = half_lat * half_lat + cos_micro(lat_a) * cos_micro(lat_b) * half_lon * half_lon;
    if (a < 0)
        a = 0;
    if (a > 1)
        a = 1;
    return (int64_t)(2.0 * CORE_EARTH_METRES * asin_unit(sqrt(a)) + 0.5);
}

int64_t core_geo_minutes(int64_t metres, int64_t permille, int64_t km_per_hour)
{
    /* metres <= 20,015,087, permille <= 100,000: the product stays below 2^47 */
    int64_t numerator = metres * permille * 60, denominator = 1000000 * km_per_hour;
    int64_t minutes = (numerator + denominator - 1) / denominator;
    return minutes < 1 ? 1 : minutes;
}

void core_geo_point(int64_t lat, int64_t lon, double ret_xyz[3])
{
    double c = cos_micro(lat);
    ret_xyz[0] = c * cos_micro(lon);
    ret_xyz[1] = c * sin_micro(lon);
    ret_xyz[2] = sin_micro(lat);
}
