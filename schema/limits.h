/*
 * Every bound of the product, each with its reason. Wire limits are those of PROTOCOL section 1, ranges those of fine print 9.
 */
#pragma once
#include <stdint.h>

/* wire */
#define RELIEF_FRAME_BYTES_MAX (1024u * 1024u)      /* one message from an identified peer; a page of a list keeps below it too */
#define RELIEF_FRAME_BYTES_STRANGER_MAX 4096u       /* before the peer is identified: hello and ping fit many times over */
#define RELIEF_DEPTH_STRANGER_MAX 4u                /* nesting before that: hello with all its parameters has 3 */
#define RELIEF_ELEMENTS_STRANGER_MAX 32u            /* one array or map before that: hello has 6 parameters, no method more than 20 */
#define RELIEF_DEPTH_MAX 16u                        /* nesting; the deepest parameter of any method is 4 */
#define RELIEF_STRING_BYTES_MAX 4096u               /* any string */
#define RELIEF_ELEMENTS_MAX 65536u                  /* one array or map */
#define RELIEF_METHOD_BYTES_MAX 64u                 /* the longest method name has 20 */
#define RELIEF_IN_FLIGHT_MAX 1024u                  /* unanswered requests of a connection before reading it pauses */
#define RELIEF_UNREAD_BYTES_MAX (256u * 1024u)      /* answers that the peer has not read before reading it pauses */
#define RELIEF_UNREAD_BYTES_STRANGER_MAX (8u * 1024u) /* the same before the peer is identified: 1,000 that never read stay below 32 MiB */
#define RELIEF_PARTIAL_BYTES_TOTAL (32u * 1024u * 1024u) /* all unfinished frames together; beyond, reading of large ones waits */
#define RELIEF_FRAME_INCOMPLETE_MS 30000            /* a frame that stays incomplete is closed */
#define RELIEF_FIRST_FRAME_MS 10000                 /* from the accept to the first whole message, a TLS handshake included; in total, not per read */
#define RELIEF_STRANGER_IDLE_MS 60000               /* an unidentified connection that sends no whole message is closed */
#define RELIEF_PEER_STUCK_MS 60000                  /* a peer that does not read is closed */

/* values */
#define RELIEF_ID_BYTES_MAX 64u
#define RELIEF_DISPATCH_ID_BYTES_MAX 75u            /* id, '/', ten digits */
#define RELIEF_NAME_BYTES_MAX 1024u                 /* names, titles, units: what a table column can show */
#define RELIEF_REASON_BYTES_MAX 1024u
#define RELIEF_IDENTITY_BYTES_MAX 255u              /* a certificate's URI; LMDB keys hold 511 bytes in all */
#define RELIEF_QUANTITY_MAX INT64_C(1000000000000000) /* 10^15: sums over 9,000 records still fit 63 bits */
#define RELIEF_MINUTES_MAX INT64_C(525600)          /* a year */
#define RELIEF_TIME_MAX INT64_C(253402300799999)    /* end of the year 9999, so that ISO 8601 has four digits */
#define RELIEF_NEIGHBOUR_MINUTES INT64_C(240)       /* fine print 18 */
#define RELIEF_ANSWER_MINUTES INT64_C(60)           /* fine print 20, 21 */
#define RELIEF_ROAD_PERMILLE INT64_C(1400)          /* fine print 16 */
#define RELIEF_ROAD_KM_PER_HOUR INT64_C(60)
#define RELIEF_DAY_MS INT64_C(86400000)
#define RELIEF_MINUTE_MS INT64_C(60000)
#define RELIEF_OP_KEEP_MS (8 * RELIEF_DAY_MS)       /* PROTOCOL promises 7 days; one more covers a clock held back */
#define RELIEF_CLOCK_JUMP_MS INT64_C(60000)         /* fine print 12 */
#define RELIEF_CLOCK_BEHIND_MS INT64_C(1000)        /* timers run once a second: a wall clock that went back by less is not noticed */
#define RELIEF_REGION_DEPTH_MAX 16                  /* nation, province, prefecture, county are 4; a put that would go deeper is refused */

/* work */
#define RELIEF_WAKE_LEGS_MAX 1024u                  /* legs that one entry's wake may touch (DESIGN 4) */
#define RELIEF_WAKE_LOOKS_MAX 4096u                 /* donors and requests that it looks at, found anything or not: about 30 ms; stored outcomes depend on it */
#define RELIEF_PLAN_LEGS_MAX 65536u                 /* fine print 57; the frame of 1 MiB, which carries a plan, is reached before */
#define RELIEF_PLAN_OUTCOME_BYTES_MAX (RELIEF_ENTRY_BYTES_MAX / 4 * 3) /* legs of an applied plan as stored: the rest is for requests and lots */
#define RELIEF_PAGE_DEFAULT 1000
#define RELIEF_PAGE_MAX 10000
#define RELIEF_SCAN_RECORDS_MAX 4096u               /* records a list looks at before it ends its page early: a few ms of the loop */
#define RELIEF_ENTRY_BYTES_MAX (8u * 1024u * 1024u) /* one log entry: 1,024 legs with their lots are below 2 MiB */
