#include "world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* ---- clocks, wakes, syncs ---- */

static int64_t wall_ms(void *context)
{
    return ((struct world *)context)->wall;
}

static int64_t boot_ms(void *context)
{
    return ((struct world *)context)->boot;
}

static void wake(void *context)
{
    sem_post(&((struct world *)context)->woken);
}

static int gated_sync(void *context, int fd)
{
    struct world *w = context;
    pthread_mutex_lock(&w->lock);
    while (w->gate_closed)
        pthread_cond_wait(&w->gate, &w->lock);
    w->syncs++;
    int error = w->sync_error;
    pthread_mutex_unlock(&w->lock);
    if (error) {
        errno = error;
        return -1;
    }
    return file_io_system.fdatasync(file_io_system.context, fd);
}

void world_gate(struct world *w, bool closed)
{
    pthread_mutex_lock(&w->lock);
    w->gate_closed = closed;
    pthread_cond_broadcast(&w->gate);
    pthread_mutex_unlock(&w->lock);
}

void world_sync_error(struct world *w, int error)
{
    pthread_mutex_lock(&w->lock);
    w->sync_error = error;
    pthread_mutex_unlock(&w->lock);
}

unsigned world_syncs(struct world *w)
{
    pthread_mutex_lock(&w->lock);
    unsigned syncs = w->syncs;
    pthread_mutex_unlock(&w->lock);
    return syncs;
}

void world_advance(struct world *w, int64_t ms)
{
    w->wall += ms;
    w->boot += ms;
    engine_turn(w->engine);
}

/* ---- folders ---- */

void world_folder(char ret_dir[64])
{
    snprintf(ret_dir, 64, "/tmp/relief-engine-XXXXXX");
    assert_non_null(mkdtemp(ret_dir));
    assert_int_equal(rmdir(ret_dir), 0);
}

static void each_file(const char *dir, void (*act)(const char *path, const char *to), const char *to)
{
    DIR *folder = opendir(dir);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[512 + sizeof entry->d_name], target[sizeof path];
        if (entry->d_name[0] == '.')
            continue;
        int path_len = snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        int target_len = snprintf(target, sizeof target, "%s/%s", to ? to : "", entry->d_name);
        assert_true(path_len < (int)sizeof path && target_len < (int)sizeof target);
        act(path, to ? target : NULL);
    }
    closedir(folder);
}

static void remove_one(const char *path, const char *to)
{
    struct stat info;
    (void)to;
    if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode))
        world_remove(path);
    else
        unlink(path);
}

void world_remove(const char *dir)
{
    each_file(dir, remove_one, NULL);
    rmdir(dir);
}

static void copy_one(const char *path, const char *to)
{
    static char block[1 << 16];
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    if (S_ISDIR(info.st_mode)) {
        world_copy(path, to);
        return;
    }
    int in = open(path, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(in >= 0 && out >= 0);
    for (ssize_t n; (n = read(in, block, sizeof block)) > 0;)
        assert_int_equal(write(out, block, (size_t)n), n);
    close(in);
    close(out);
}

void world_copy(const char *from, const char *to)
{
    assert_true(mkdir(to, 0700) == 0 || errno == EEXIST);
    each_file(from, copy_one, to);
}

void world_forget(struct world *w)
{
    char path[128];
    snprintf(path, sizeof path, "%s/log", w->dir);
    world_remove(path);
    snprintf(path, sizeof path, "%s/evidence", w->dir);
    world_remove(path);
}

/* ---- the engine ---- */

int world_open(struct world *w)
{
    return engine_open(&w->engine,
                       &(struct engine_options){.dir = w->dir,
                                                .segment_bytes = w->segment_bytes,
                                                .turn_looks_max = w->turn_looks_max,
                                                .io = &w->io,
                                                .evidence_io = w->evidence_io,
                                                .wake = wake,
                                                .context = w,
                                                .wall_ms = wall_ms,
                                                .boot_ms = boot_ms},
                       &w->report);
}

void world_start(struct world *w)
{
    int rc = world_open(w);
    if (rc)
        print_error("%s\n", w->report.message);
    assert_int_equal(rc, 0);
}

void world_stop(struct world *w)
{
    assert_int_equal(engine_close(w->engine), 0);
    w->engine = NULL;
}

int world_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w)
        return -1;
    *state = w;
    world_folder(w->dir);
    w->wall = WORLD_START;
    w->boot = 1; /* below STORE_FREEZE_MS: no flush for age unless a test lets time pass */
    w->segment_bytes = 1 << 20;
    w->who = (struct core_identity){.name = RELIEF_STR("local"), .role = RELIEF_role_local};
    w->io = file_io_system;
    w->io.context = w;
    w->io.fdatasync = gated_sync;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->gate, NULL);
    return sem_init(&w->woken, 0, 0);
}

int world_setup_open(void **state)
{
    if (world_setup(state))
        return -1;
    struct world *w = *state;
    world_start(w);
    world_found(w);
    return world_durable(w);
}

int world_teardown(void **state)
{
    struct world *w = *state;
    world_gate(w, false);
    engine_close(w->engine);
    world_remove(w->dir);
    sem_destroy(&w->woken);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->gate);
    free(w);
    return 0;
}

int world_command(struct world *w, unsigned method, void *params)
{
    const struct relief_command_info *command = relief_command_by_number(method);
    struct relief_refusal refusal;
    int rc = relief_params_check(command->params, params, &refusal);
    if (rc)
        print_error("%s: %s %s\n", command->wire, refusal.field, refusal.message);
    assert_int_equal(rc, 0);
    return engine_command(w->engine, &w->who, method, params, &w->answer);
}

int world_durable(struct world *w)
{
    int rc;
    engine_seal(w->engine);
    while ((rc = engine_settle(w->engine)) == 0 && engine_durable(w->engine) < engine_applied(w->engine))
        sem_wait(&w->woken);
    return rc;
}

/* ---- what is in it ---- */

static void must(struct world *w, unsigned method, void *params)
{
    int rc = world_command(w, method, params);
    if (rc)
        print_error("%u: %d %s %s\n", method, rc, w->answer.refusal.field, w->answer.refusal.message);
    assert_int_equal(rc, 0);
}

void world_city(struct world *w, const char *code, int64_t lat)
{
    WORLD_PARAMS(city_put, city);
    city.code = city.name = relief_str_of(code);
    city.region = RELIEF_STR("r");
    city.lat = lat;
    city.lon = 120000000;
    must(w, RELIEF_METHOD_city_put, &city);
}

void world_found(struct world *w)
{
    WORLD_PARAMS(region_put, region);
    region.id = region.name = RELIEF_STR("r");
    region.agreement = RELIEF_commit_auto;
    must(w, RELIEF_METHOD_region_put, &region);
    WORLD_PARAMS(kind_put, kind);
    kind.code = kind.name = kind.unit = RELIEF_STR("K");
    kind.class_ = RELIEF_class_supply;
    must(w, RELIEF_METHOD_kind_put, &kind);
    world_city(w, "A", 30000000);
    world_city(w, "B", 30100000);
}

void world_receive(struct world *w, const char *city, int64_t quantity)
{
    WORLD_PARAMS(stock_receive, receive);
    receive.city = relief_str_of(city);
    receive.kind = RELIEF_STR("K");
    receive.quantity = quantity;
    must(w, RELIEF_METHOD_stock_receive, &receive);
}

struct relief_request_submit_params world_asked(const char *id, int64_t quantity)
{
    WORLD_PARAMS(request_submit, asked);
    asked.id = relief_str_of(id);
    asked.city = RELIEF_STR("A");
    asked.kind = RELIEF_STR("K");
    asked.quantity = quantity;
    return asked;
}

int world_submit(struct world *w, const char *id, int64_t quantity)
{
    struct relief_request_submit_params asked = world_asked(id, quantity);
    return world_command(w, RELIEF_METHOD_request_submit, &asked);
}

bool world_request(struct world *w, const char *id, struct relief_request *ret)
{
    static struct relief_arena arena;
    if (!arena.base)
        assert_int_equal(relief_arena_init(&arena, (size_t)1 << 24), 0);
    relief_arena_reset(&arena);
    relief_shape_clear(&relief_shape_request, ret);
    ret->id = relief_str_of(id);
    return core_find(engine_view(w->engine), RELIEF_TABLE_request, &arena, ret);
}

const char *world_answer(struct world *w)
{
    static char texts[2][1 << 16];
    static unsigned turn;
    struct relief_buf buf = RELIEF_BUF_INIT;
    const struct relief_candidate *candidates = w->answer.candidates.items;
    relief_json_record(&buf, w->answer.shape, w->answer.record, NULL);
    for (uint32_t i = 0; w->answer.candidates.present && i < w->answer.candidates.count; i++)
        relief_json_record(&buf, &relief_shape_candidate, &candidates[i], NULL);
    relief_buf_printf(&buf, " seq %llu", (unsigned long long)w->answer.seq);
    assert_true(!buf.failed && buf.len < sizeof texts[0]);
    char *text = texts[turn++ % 2];
    memcpy(text, buf.data, buf.len);
    text[buf.len] = '\0';
    relief_buf_deinit(&buf);
    return text;
}
