/*
 * Travel estimates, the same on every machine: + - * / and sqrt on doubles only, own sine, cosine and arcsine by polynomial,
 * no contraction (-ffp-contract=off), result rounded to whole metres (fine print 16).
 */
#pragma once
#include <stdint.h>

#define CORE_EARTH_METRES 6371000.0

/* Great-circle distance in metres by the haversine; micro-degrees. */
int64_t core_geo_metres(int64_t lat_a, int64_t lon_a, int64_t lat_b, int64_t lon_b);
/* max(1, ceil(metres x permille x 60 / (1,000,000 x km_per_hour))) */
int64_t core_geo_minutes(int64_t metres, int64_t permille, int64_t km_per_hour);
/* The point on the unit sphere; used for nearest-first search, never for a number that is shown. */
void core_geo_point(int64_t lat, int64_t lon, double ret_xyz[3]);
