/*
 * Between the store's thread and the loop: a flush ended. In service the loop is woken and looks; at the start and in a
 * rebuild there is no loop yet, and the one thread sleeps here when the store is full.
 */
#include "engine/state.h"

void engine_flush_init(struct engine_flush_signal *flush, void (*wake)(void *context), void *context)
{
    *flush = (struct engine_flush_signal){.wake = wake, .context = context};
    pthread_mutex_init(&flush->lock, NULL);
    pthread_cond_init(&flush->ended, NULL);
}

void engine_flush_deinit(struct engine_flush_signal *flush)
{
    pthread_cond_destroy(&flush->ended);
    pthread_mutex_destroy(&flush->lock);
}

void engine_flush_ended(void *context, int error)
{
    struct engine_flush_signal *flush = context;
    (void)error; /* store_flush_done tells it, on the thread that can act on it */
    pthread_mutex_lock(&flush->lock);
    flush->set = true;
    pthread_cond_signal(&flush->ended);
    pthread_mutex_unlock(&flush->lock);
    if (flush->wake)
        flush->wake(flush->context);
}

static bool take(struct engine_flush_signal *flush, bool wait)
{
    pthread_mutex_lock(&flush->lock);
    while (wait && !flush->set)
        pthread_cond_wait(&flush->ended, &flush->lock);
    bool set = flush->set;
    flush->set = false;
    pthread_mutex_unlock(&flush->lock);
    return set;
}

int engine_flush_settle(struct engine_flush_signal *flush, struct store *store)
{
    return take(flush, false) ? store_flush_done(store) : 0;
}

int engine_flush_wait(struct engine_flush_signal *flush, struct store *store)
{
    int rc = engine_flush_settle(flush, store);
    while (rc == 0 && store_full(store) && (rc = store_shortage(store)) == 0) {
        (void)take(flush, true);
        rc = store_flush_done(store);
    }
    return rc;
}

int engine_flush_all(struct engine_flush_signal *flush, struct store *store, uint64_t seq)
{
    int rc = engine_flush_settle(flush, store);
    if (rc || store_mark(store).seq >= seq)
        return rc;
    store_flush_to(store, seq);
    while (rc == 0 && store_mark(store).seq < seq && (rc = store_shortage(store)) == 0) {
        (void)take(flush, true);
        rc = store_flush_done(store);
    }
    return rc;
}
