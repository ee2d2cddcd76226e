/*
 * Ids that nobody else makes: 48 bits of milliseconds, then 80 random bits, in the 32 letters that can't be misread.
 * Records that are made together lie together in every ordered store, which is what keeps the daemon's writes few.
 */
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include "relief/relief.h"

void relief_make_id(char ret_id[27])
{
    static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    struct timespec now;
    uint8_t noise[16];
    clock_gettime(CLOCK_REALTIME, &now);
    /* getrandom of up to 256 bytes neither fails nor is cut short once the kernel's pool is filled; a kernel without it
     * can't make ids. */
    if (getrandom(noise, sizeof noise, 0) != (ssize_t)sizeof noise)
        abort();
    uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    for (int i = 9; i >= 0; i--) {
        ret_id[i] = letters[ms & 31];
        ms >>= 5;
    }
    for (int i = 0; i < 16; i++)
        ret_id[10 + i] = letters[noise[i] & 31];
    ret_id[26] = '\0';
}
