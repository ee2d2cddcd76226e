/*
 * When the pages are looked at (store/pages.c): a small file at once, a large one on a thread, slice by slice, so that
 * no read transaction lasts and LMDB can use again what is freed meanwhile. Writers are not held up: readers never do
 * that in LMDB.
 *
 * One walk is enough: it is about what happened to a file at rest. What is written later, LMDB writes from memory.
 */
#include "store/state.h"
#include "base/plant.h"
#include "base/thread.h"
#include "store/value.h"
#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#define SCRUB_NICE    10    /* as plans and dumps */
#define SCRUB_AGAIN_S 1     /* all readers of LMDB are taken: they are given back sooner or later */
#define AGAIN_MAX     1000u /* beside a daemon that writes: each try fails only when two commits came meanwhile */

static void told(const struct store_pages *pages)
{
    store_fatal("damage: LMDB's %s; a start or `relief rebuild` makes the state anew from the log", pages->fault);
}

void store_scrub_now(struct store *store)
{
    struct store_scrub *scrub = &store->scrub;
    mdb_filehandle_t file;
    struct stat info;
    if (store->memory || PLANT("no-page-check") || mdb_env_get_fd(store->env.lmdb, &file) || fstat(file, &info) ||
        info.st_size > (off_t)STORE_SCRUB_NOW_BYTES)
        return;
    store_pages_init(&scrub->pages, &store->env, NULL);
    enum store_pages_end end = store_pages_look(&scrub->pages, UINT32_MAX);
    if (end == STORE_PAGES_DAMAGED)
        told(&scrub->pages);
    scrub->whole = end == STORE_PAGES_WHOLE;
    store_pages_deinit(&scrub->pages);
}

int store_scrub_slice(struct store *store)
{
    struct store_scrub *scrub = &store->scrub;
    enum store_pages_end end = STORE_PAGES_AGAIN;
    if (store->memory || scrub->whole || PLANT("no-page-check"))
        return 0;
    if (!scrub->pages.env)
        store_pages_init(&scrub->pages, &store->env, NULL);
    for (unsigned try = 0; try < AGAIN_MAX && end == STORE_PAGES_AGAIN; try++)
        end = store_pages_look(&scrub->pages, STORE_PAGES_SLICE);
    if (end == STORE_PAGES_DAMAGED)
        told(&scrub->pages);
    scrub->whole = end == STORE_PAGES_WHOLE;
    return end == STORE_PAGES_AGAIN ? -EAGAIN : end == STORE_PAGES_MORE;
}

/* Sleeps until there may be a reader's place again, or the store is closed. */
static void wait_again(struct store_scrub *scrub)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += SCRUB_AGAIN_S;
    pthread_mutex_lock(&scrub->lock);
    if (!atomic_load(&scrub->stop))
        (void)pthread_cond_timedwait(&scrub->end, &scrub->lock, &until);
    pthread_mutex_unlock(&scrub->lock);
}

static void *scrub_thread(void *context)
{
    struct store_scrub *scrub = context;
    enum store_pages_end end = STORE_PAGES_MORE;
    (void)setpriority(PRIO_PROCESS, 0, SCRUB_NICE); /* of this thread */
    while (!atomic_load(&scrub->stop) && (end == STORE_PAGES_MORE || end == STORE_PAGES_AGAIN)) {
        end = store_pages_look(&scrub->pages, STORE_PAGES_SLICE);
        if (end == STORE_PAGES_AGAIN)
            wait_again(scrub);
    }
    if (end == STORE_PAGES_DAMAGED)
        told(&scrub->pages);
    return NULL;
}

int store_scrub_start(struct store *store)
{
    struct store_scrub *scrub = &store->scrub;
    if (store->memory || scrub->whole || PLANT("no-page-check"))
        return 0;
    store_pages_init(&scrub->pages, &store->env, &scrub->stop);
    pthread_mutex_init(&scrub->lock, NULL);
    pthread_cond_init(&scrub->end, NULL);
    int rc = thread_start(&scrub->thread, scrub_thread, scrub);
    scrub->running = rc == 0;
    if (rc) {
        pthread_mutex_destroy(&scrub->lock);
        pthread_cond_destroy(&scrub->end);
    }
    return rc;
}

void store_scrub_deinit(struct store *store)
{
    struct store_scrub *scrub = &store->scrub;
    if (scrub->running) {
        pthread_mutex_lock(&scrub->lock);
        atomic_store(&scrub->stop, true);
        pthread_cond_signal(&scrub->end);
        pthread_mutex_unlock(&scrub->lock);
        pthread_join(scrub->thread, NULL);
        pthread_mutex_destroy(&scrub->lock);
        pthread_cond_destroy(&scrub->end);
        scrub->running = false;
    }
    store_pages_deinit(&scrub->pages);
}
