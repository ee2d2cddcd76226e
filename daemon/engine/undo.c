/*
 * Taking back. A batch that the log could not take for want of space has changed the state already, and so have the
 * commands behind it. Nobody was told; so the state goes back to the last durable entry, in the way that a start takes:
 * what LMDB holds, and from there the outcomes in the log. Reads go on from that at once, instead of waiting for a disk
 * that may stay full for hours.
 *
 * The clock does not go back: T has been shown to readers. What is left of a clock.confirm is that T follows the wall
 * clock again, which its sender will ask for again.
 */
#include "engine/state.h"

#include "base/plant.h"

int engine_undo(struct engine *engine)
{
    struct engine_report report = {0};
    struct store_mark head;
    engine_batch_clear(&engine->batches[0]);
    engine_batch_clear(&engine->batches[1]);
    engine->handed = NULL;
    engine->undone++;
    if (PLANT("keep-undone"))
        return 0;
    int rc = store_rewind(engine->store, engine->head.seq);
    core_memo_clear(&engine->core.memo);
    if (rc == 0)
        rc = engine_recover(engine->log, engine->store, &engine->core, NULL, NULL, &engine->options, &report, &head);
    if (rc)
        return rc;
    engine->applied = head.seq;
    engine->waking = core_wake_owed(store_view(engine->store));
    engine->turn_looks = 0;
    return 0;
}
