/*
 * Times: milliseconds since the epoch inside, ISO 8601 outside. Input may be exact (with an offset or Z), local
 * (without), a date, a distance from now, or the milliseconds themselves, as --json and dumps show them.
 */
#include <string.h>
#include <time.h>
#include "client/cli/cli.h"

int64_t cli_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct reader {
    const char *at, *end;
};

static bool digits(struct reader *reader, int count, int *ret)
{
    int value = 0;
    if (reader->end - reader->at < count)
        return false;
    for (int i = 0; i < count; i++) {
        char c = reader->at[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    reader->at += count;
    *ret = value;
    return true;
}

static bool letter(struct reader *reader, char c)
{
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

static bool read_date(struct reader *reader, struct tm *tm)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 0, month = 0, day = 0;
    if (!digits(reader, 4, &year) || !letter(reader, '-') || !digits(reader, 2, &month) || !letter(reader, '-') ||
        !digits(reader, 2, &day) || year < 1970 || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > days[month - 1] + (month == 2 && leap))
        return false;
    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    tm->tm_mday = day;
    return true;
}

static bool read_clock(struct reader *reader, struct tm *tm, int *ret_ms)
{
    if (!digits(reader, 2, &tm->tm_hour) || !letter(reader, ':') || !digits(reader, 2, &tm->tm_min))
        return false;
    if (letter(reader, ':')) {
        if (!digits(reader, 2, &tm->tm_sec))
            return false;
        if (letter(reader, '.')) {
            int digit = 0, scale = 100;
            if (!digits(reader, 1, &digit))
                return false;
            do {
                *ret_ms += digit * scale;
                scale /= 10;
            } while (digits(reader, 1, &digit));
        }
    }
    return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 60;
}

/* Z, +HH:MM, +HHMM or +HH; nothing is local time. */
static bool read_zone(struct reader *reader, bool *ret_local, int *ret_minutes)
{
    int hours = 0, minutes = 0;
    *ret_local = reader->at == reader->end;
    if (*ret_local || letter(reader, 'Z'))
        return reader->at == reader->end;
    int sign = letter(reader, '+') ? 1 : letter(reader, '-') ? -1 : 0;
    if (sign == 0 || !digits(reader, 2, &hours))
        return false;
    if (reader->at < reader->end) {
        letter(reader, ':');
        if (!digits(reader, 2, &minutes))
            return false;
    }
    *ret_minutes = sign * (hours * 60 + minutes);
    return reader->at == reader->end && hours < 24 && minutes < 60;
}

static bool local_ms(struct tm *tm, int64_t *ret)
{
    tm->tm_isdst = -1;
    time_t seconds = mktime(tm);
    *ret = (int64_t)seconds * 1000;
    return seconds >= 0;
}

static bool parse_iso(struct relief_str text, bool end_of_day, int64_t *ret)
{
    struct reader reader = {text.data, text.data + text.len};
    struct tm tm = {0};
    int ms = 0, zone_minutes = 0;
    bool local = false;
    if (!read_date(&reader, &tm))
        return false;
    if (reader.at == reader.end) {
        tm.tm_mday += end_of_day; /* the next midnight, less a millisecond: right on days of 23 and 25 hours too */
        if (!local_ms(&tm, ret))
            return false;
        *ret -= end_of_day;
        return true;
    }
    if (!letter(&reader, 'T') && !letter(&reader, ' '))
        return false;
    if (!read_clock(&reader, &tm, &ms) || !read_zone(&reader, &local, &zone_minutes))
        return false;
    if (local) {
        if (!local_ms(&tm, ret))
            return false;
    } else {
        *ret = ((int64_t)timegm(&tm) - (int64_t)zone_minutes * 60) * 1000;
    }
    *ret += ms;
    return true;
}

static bool parse_distance(struct relief_str text, int64_t now_ms, int64_t *ret)
{
    int64_t unit = 0, value = 0;
    if (text.len < 3 || text.len > 12)
        return false;
    switch (text.data[text.len - 1]) {
    case 's':
        unit = 1000;
        break;
    case 'm':
        unit = RELIEF_MINUTE_MS;
        break;
    case 'h':
        unit = 60 * RELIEF_MINUTE_MS;
        break;
    case 'd':
        unit = RELIEF_DAY_MS;
        break;
    case 'w':
        unit = 7 * RELIEF_DAY_MS;
        break;
    default:
        return false;
    }
    for (uint32_t i = 1; i + 1 < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (text.data[i] - '0');
    }
    return !__builtin_mul_overflow(value, unit, &value) && !__builtin_add_overflow(value, now_ms, ret);
}

bool cli_time_parse(struct relief_str text, int64_t now_ms, bool end_of_day, int64_t *ret_ms)
{
    int64_t ms = 0;
    bool all_digits = text.len > 0 && text.len <= 15;
    for (uint32_t i = 0; i < text.len && all_digits; i++) {
        all_digits = text.data[i] >= '0' && text.data[i] <= '9';
        if (all_digits)
            ms = ms * 10 + (text.data[i] - '0');
    }
    bool good = all_digits || (text.len > 0 && text.data[0] == '+' ? parse_distance(text, now_ms, &ms)
                                                                   : text.len > 0 && parse_iso(text, end_of_day, &ms));
    if (!good || ms < 0 || ms > RELIEF_TIME_MAX)
        return false;
    *ret_ms = ms;
    return true;
}

void cli_time_text(char ret[40], int64_t ms, bool utc)
{
    time_t seconds = (time_t)(ms / 1000);
    int rest = (int)(ms % 1000);
    struct tm tm = {0};
    char fraction[8] = "";
    if (ms < 0 || ms > RELIEF_TIME_MAX || !(utc ? gmtime_r(&seconds, &tm) : localtime_r(&seconds, &tm))) {
        snprintf(ret, 40, "%lld", (long long)ms);
        return;
    }
    size_t len = strftime(ret, 40, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest)
        snprintf(fraction, sizeof fraction, ".%03d", rest);
    if (utc) {
        snprintf(ret + len, 40 - len, "%sZ", fraction);
        return;
    }
    long offset = tm.tm_gmtoff / 60, plus = offset < 0 ? -offset : offset;
    snprintf(ret + len, 40 - len, "%s%c%02ld:%02ld", fraction, offset < 0 ? '-' : '+', plus / 60 % 100, plus % 60);
}
