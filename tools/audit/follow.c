/*
 * One machine of states per daemon; nothing waits. The connection stays open from round to round. When the daemon is
 * away, or answers what it should not, the connection is closed and tried again after a pause that doubles up to a
 * minute.
 *
 * A round: log.checkpoint, proof.consistency from the signed size, the witness's rules (which save), log.cosign. A head
 * that stands still is cosigned again when its cosignature is a minute old, so that its age tells whether the witness
 * is there.
 */
#include "tools/audit/follow.h"
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <time.h>
#include "tools/audit/json.h"
#include "tools/audit/pack.h"
#include "tools/audit/source.h"

#define FOLLOWS_MAX 16
#define ANSWER_MAX  65536 /* a note of 8 KiB thrice, and room */
#define ANSWER_S    30
#define PAUSE_MAX_S 60
#define FRESH_S     60 /* a head is cosigned again after that */
#define TOKEN_MAX   4096

enum step { AWAY, HELLO, CHECKPOINT, PROOF, COSIGN, PAUSED };

struct follow {
    struct audit_follows *all;
    const char *address;
    struct sockaddr_storage where;
    socklen_t where_len;
    struct bufferevent *link;
    struct event *timer;
    enum step step;
    uint32_t msgid;
    uint64_t pause_s;
    bool over; /* with `once` */
    int result;
    char said[600];         /* what was wrong last; it is said again only when it changes */
    uint64_t from;          /* the size that a proof was asked for from */
    uint64_t asked;         /* audit_witness_state.saves when the checkpoint was asked for */
    int64_t cosigned_s;     /* when a cosignature was last taken, for FRESH_S */
    uint64_t cosigned_size; /* and of what */
    struct audit_note note;
};

struct audit_follows {
    struct event_base *base;
    struct audit_witness_state *witness;
    struct follow *items;
    unsigned count;
    struct audit_buf token;
    uint64_t interval_s;
    bool once;
};

static void connect_now(struct follow *follow);

/* ---- ends of rounds ---- */

static void finish(struct follow *follow, int result)
{
    struct audit_follows *all = follow->all;
    follow->over = true;
    follow->result = result;
    for (unsigned i = 0; i < all->count; i++)
        if (!all->items[i].over)
            return;
    event_base_loopexit(all->base, NULL);
}

static void wait_for(struct follow *follow, uint64_t seconds)
{
    const struct timeval span = {(time_t)seconds, 0};
    follow->step = follow->link ? PAUSED : AWAY;
    event_add(follow->timer, &span);
}

static void next_round(struct follow *follow, int result)
{
    if (follow->link)
        bufferevent_set_timeouts(follow->link, NULL, NULL);
    if (follow->all->once)
        finish(follow, result);
    else
        wait_for(follow, follow->all->interval_s);
}

static void say_changed(struct follow *follow, const char *what)
{
    if (!follow->all->once && strcmp(follow->said, what) == 0)
        return;
    snprintf(follow->said, sizeof follow->said, "%s", what);
    audit_say("%s: %s", follow->address, what);
}

/* Closes the connection and tries again later. */
static void give_up(struct follow *follow, int result, const char *why)
{
    if (follow->link)
        bufferevent_free(follow->link);
    follow->link = NULL;
    say_changed(follow, why);
    if (follow->all->once) {
        finish(follow, result);
        return;
    }
    follow->pause_s = follow->pause_s ? follow->pause_s * 2 : 1;
    if (follow->pause_s > PAUSE_MAX_S)
        follow->pause_s = PAUSE_MAX_S;
    wait_for(follow, follow->pause_s);
}

/* ---- calls ---- */

static void start_call(struct follow *follow, struct audit_buf *buf, const char *method, uint8_t params)
{
    audit_pack_array(buf, 4);
    audit_pack_uint(buf, 0);
    audit_pack_uint(buf, ++follow->msgid);
    audit_pack_text(buf, audit_text_of(method));
    audit_pack_array(buf, 1);
    audit_pack_map(buf, params);
}

static void send_call(struct follow *follow, struct audit_buf *buf, enum step step)
{
    const struct timeval limit = {ANSWER_S, 0};
    follow->step = step;
    bufferevent_set_timeouts(follow->link, &limit, &limit);
    bool good = !buf->failed && bufferevent_write(follow->link, buf->data, buf->len) == 0;
    audit_buf_deinit(buf);
    if (!good)
        give_up(follow, AUDIT_AWAY, "no memory");
}

static void ask_checkpoint(struct follow *follow)
{
    struct audit_buf buf = AUDIT_BUF_INIT;
    follow->asked = follow->all->witness->saves;
    start_call(follow, &buf, "log.checkpoint", 0);
    send_call(follow, &buf, CHECKPOINT);
}

static void say_hello(struct follow *follow)
{
    struct audit_buf buf = AUDIT_BUF_INIT;
    bool token = follow->all->token.len > 0;
    start_call(follow, &buf, "server.hello", token ? 2 : 1);
    audit_pack_text(&buf, AUDIT_TEXT("client"));
    audit_pack_text(&buf, AUDIT_TEXT("relief-audit witness"));
    if (token) {
        audit_pack_text(&buf, AUDIT_TEXT("token"));
        audit_pack_text(&buf, audit_buf_view(&follow->all->token));
    }
    send_call(follow, &buf, HELLO);
}

static void ask_proof(struct follow *follow, uint64_t from)
{
    struct audit_buf buf = AUDIT_BUF_INIT;
    follow->from = from;
    start_call(follow, &buf, "proof.consistency", 2);
    audit_pack_text(&buf, AUDIT_TEXT("from"));
    audit_pack_uint(&buf, from);
    audit_pack_text(&buf, AUDIT_TEXT("size"));
    audit_pack_uint(&buf, follow->note.size);
    send_call(follow, &buf, PROOF);
}

static void hand_back(struct follow *follow, const struct audit_origin *origin, const char *line)
{
    struct audit_buf buf = AUDIT_BUF_INIT, text = AUDIT_BUF_INIT;
    unsigned key = 0;
    while (key + 1 < origin->key_count &&
           audit_note_signed(&follow->note, &origin->keys[key], NULL) != AUDIT_SIGNED_WELL)
        key++;
    audit_note_with(&follow->note, &origin->keys[key], line, &text);
    start_call(follow, &buf, "log.cosign", 1);
    audit_pack_text(&buf, AUDIT_TEXT("note"));
    audit_pack_text(&buf, audit_buf_view(&text));
    buf.failed |= text.failed;
    audit_buf_deinit(&text);
    send_call(follow, &buf, COSIGN);
}

/* ---- answers ---- */

static void cosign(struct follow *follow, struct audit_origin *origin, const struct audit_path *path)
{
    struct audit_answer answer;
    audit_witness_add(follow->all->witness, origin->size, path, &follow->note, &answer);
    if (answer.verdict == AUDIT_COSIGNED) {
        hand_back(follow, origin, answer.line);
    } else {
        if (answer.unproved)
            audit_witness_answered_wrong(follow->all->witness, origin, &follow->note);
        next_round(follow, answer.fork || answer.unproved ? AUDIT_FAILS : AUDIT_USAGE);
    }
}

/* Whether a head that was signed already is signed again. */
static bool needs_cosignature(const struct follow *follow)
{
    return follow->note.size != follow->cosigned_size || (int64_t)time(NULL) - follow->cosigned_s >= FRESH_S;
}

static void on_checkpoint(struct follow *follow, const struct audit_json_map *result)
{
    static const struct audit_path none = {.count = 0};
    char text[AUDIT_NOTE_MAX + 2];
    size_t len;
    struct audit_text value = audit_json_find(result, "note");
    if (value.data && audit_json_type(value) == AUDIT_JSON_NULL) {
        next_round(follow, AUDIT_HOLDS); /* nothing was signed there yet */
        return;
    }
    if (!audit_json_string(value, text, sizeof text, &len) ||
        audit_note_read((struct audit_text){text, len}, &follow->note)) {
        give_up(follow, AUDIT_FAILS, "its answer holds no checkpoint");
        return;
    }
    struct audit_origin *origin = audit_witness_find(follow->all->witness, follow->note.origin);
    if (!origin || !audit_witness_signed(origin, &follow->note)) {
        char what[256];
        snprintf(what, sizeof what, "a checkpoint of %.*s, %s", (int)follow->note.origin.len, follow->note.origin.data,
                 origin ? "not signed by its key" : "of which no key was given");
        say_changed(follow, what);
        next_round(follow, AUDIT_FAILS);
        return;
    }
    if (follow->note.size < origin->size && origin->saved_at > follow->asked) {
        ask_checkpoint(follow); /* a newer one was signed on another way while this one was under way */
    } else if (follow->note.size < origin->size) {
        audit_witness_rolled_back(follow->all->witness, origin, &follow->note);
        next_round(follow, AUDIT_FAILS);
    } else if (follow->note.size == 0) {
        next_round(follow, AUDIT_HOLDS);
    } else if (follow->note.size > origin->size && origin->size > 0) {
        ask_proof(follow, origin->size);
    } else if (follow->note.size > origin->size || memcmp(follow->note.root, origin->root, AUDIT_HASH) != 0 ||
               needs_cosignature(follow)) {
        cosign(follow, origin, &none);
    } else {
        next_round(follow, AUDIT_HOLDS);
    }
}

static void on_proof(struct follow *follow, const struct audit_json_map *result)
{
    struct audit_origin *origin = audit_witness_find(follow->all->witness, follow->note.origin);
    struct audit_path path;
    struct audit_text text;
    if (!origin || !audit_json_plain(audit_json_find(result, "path"), &text) || !audit_path_read(text, &path))
        give_up(follow, AUDIT_FAILS, "its answer holds no proof");
    else if (origin->size != follow->from)
        ask_checkpoint(follow); /* another one was signed meanwhile, on another way; the proof is of no use */
    else
        cosign(follow, origin, &path);
}

static void on_result(struct follow *follow, const struct audit_json_map *result)
{
    if (follow->step != HELLO)
        follow->pause_s = 0;
    switch (follow->step) {
    case HELLO:
        ask_checkpoint(follow);
        break;
    case CHECKPOINT:
        on_checkpoint(follow, result);
        break;
    case PROOF:
        on_proof(follow, result);
        break;
    case COSIGN:
        follow->cosigned_s = (int64_t)time(NULL);
        follow->cosigned_size = follow->note.size;
        follow->said[0] = '\0';
        if (follow->all->once)
            printf("%s: cosigned %.*s at %llu entries\n", follow->address, (int)follow->note.origin.len,
                   follow->note.origin.data, (unsigned long long)follow->note.size);
        next_round(follow, AUDIT_HOLDS);
        break;
    default:
        break;
    }
}

static void on_error(struct follow *follow, struct audit_text error)
{
    struct audit_json_map map;
    struct audit_text code = {"", 0};
    char message[512] = "";
    size_t len;
    if (audit_json_map(error, &map)) {
        audit_json_plain(audit_json_find(&map, "code"), &code);
        audit_json_string(audit_json_find(&map, "message"), message, sizeof message, &len);
    }
    char what[600];
    snprintf(what, sizeof what, "the daemon refused: %.*s %.500s", (int)(code.len < 64 ? code.len : 64), code.data,
             message);
    say_changed(follow, what);
    next_round(follow, 1);
}

/* One whole message as JSON. False: it is none of the protocol. */
static bool on_message(struct follow *follow, struct audit_text message)
{
    struct audit_json_map map;
    struct audit_text parts[4];
    uint64_t type, msgid;
    const char *at = NULL;
    unsigned count = 0;
    struct audit_text part;
    while (audit_json_next(message, &at, &part)) {
        if (count == 4)
            return false;
        parts[count++] = part;
    }
    if (count < 3 || !audit_json_size(parts[0], &type))
        return false;
    if (type == 2)
        return true; /* notifications are not for us */
    if (count != 4 || type != 1 || !audit_json_size(parts[1], &msgid) || msgid != follow->msgid ||
        follow->step == PAUSED)
        return false;
    if (audit_json_type(parts[2]) != AUDIT_JSON_NULL) {
        on_error(follow, parts[2]);
        return true;
    }
    if (!audit_json_map(parts[3], &map))
        return false;
    on_result(follow, &map);
    return true;
}

static void on_read(struct bufferevent *link, void *context)
{
    struct follow *follow = context;
    struct evbuffer *input = bufferevent_get_input(link);
    while (follow->link == link) {
        size_t have = evbuffer_get_length(input);
        const uint8_t *data = have ? evbuffer_pullup(input, -1) : NULL;
        long len = data ? audit_pack_measure(data, have) : 0;
        struct audit_buf json = AUDIT_BUF_INIT;
        if (len == 0 && have <= ANSWER_MAX)
            return;
        bool good = len > 0 && len <= ANSWER_MAX && audit_pack_json(data, (size_t)len, &json);
        if (good) {
            evbuffer_drain(input, (size_t)len);
            good = on_message(follow, audit_buf_view(&json));
        }
        audit_buf_deinit(&json);
        if (!good) {
            if (follow->link == link)
                give_up(follow, AUDIT_FAILS, "it answers what is not of the protocol");
            return;
        }
    }
}

/* ---- the connection ---- */

static void on_event(struct bufferevent *link, short what, void *context)
{
    struct follow *follow = context;
    (void)link;
    if (what & BEV_EVENT_CONNECTED) {
        say_hello(follow);
    } else if (what & BEV_EVENT_TIMEOUT) {
        give_up(follow, AUDIT_AWAY, "no answer");
    } else if (follow->step == PAUSED && !(what & BEV_EVENT_ERROR)) {
        give_up(follow, AUDIT_AWAY, "the connection has ended");
    } else {
        give_up(follow, AUDIT_AWAY,
                what & BEV_EVENT_ERROR ? strerror(EVUTIL_SOCKET_ERROR()) : "the connection has ended");
    }
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct follow *follow = context;
    (void)fd;
    (void)what;
    if (follow->link)
        ask_checkpoint(follow);
    else
        connect_now(follow);
}

static void connect_now(struct follow *follow)
{
    const struct timeval limit = {ANSWER_S, 0};
    follow->step = AWAY;
    follow->link = bufferevent_socket_new(follow->all->base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (!follow->link) {
        give_up(follow, AUDIT_AWAY, "no memory");
        return;
    }
    bufferevent_setcb(follow->link, on_read, NULL, on_event, follow);
    bufferevent_set_timeouts(follow->link, &limit, &limit);
    bufferevent_setwatermark(follow->link, EV_READ, 0, ANSWER_MAX + 1024);
    bufferevent_enable(follow->link, EV_READ | EV_WRITE);
    if (bufferevent_socket_connect(follow->link, (struct sockaddr *)&follow->where, (int)follow->where_len) != 0 &&
        follow->link)
        give_up(follow, AUDIT_AWAY, strerror(errno));
}

/* Looked up once: a witness is told numbers, or names of its own hosts file. */
static int resolve(struct follow *follow)
{
    const char *address = follow->address, *colon = strrchr(address, ':');
    struct sockaddr_un *path = (struct sockaddr_un *)(void *)&follow->where;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found = NULL;
    char host[256];
    if (strncmp(address, "unix:", 5) == 0 && address[5] && strlen(address + 5) < sizeof path->sun_path) {
        path->sun_family = AF_UNIX;
        snprintf(path->sun_path, sizeof path->sun_path, "%s", address + 5);
        follow->where_len = sizeof *path;
        return 0;
    }
    if (strncmp(address, "tcp:", 4) != 0 || colon < address + 5 || (size_t)(colon - address) >= sizeof host)
        return audit_say("--follow %s: unix:PATH or tcp:HOST:PORT is wanted", address);
    bool brackets = address[4] == '[' && colon[-1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(colon - address - 4 - 2 * brackets), address + 4 + brackets);
    int error = getaddrinfo(host, colon + 1, &hints, &found);
    if (error || !found)
        return audit_say("--follow %s: %s", address, gai_strerror(error));
    memcpy(&follow->where, found->ai_addr, found->ai_addrlen);
    follow->where_len = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

static int read_token(struct audit_follows *all, const char *path)
{
    int code = path ? audit_file_read(path, TOKEN_MAX, &all->token) : 0;
    while (code == 0 && all->token.len && all->token.data[all->token.len - 1] == '\n')
        all->token.len--;
    return code;
}

int audit_follow_open(struct audit_follows **ret, struct event_base *base, struct audit_witness_state *witness,
                      const char *const *addresses, unsigned count, const char *token, uint64_t interval_s, bool once)
{
    struct audit_follows *all = calloc(1, sizeof *all);
    *ret = all;
    if (!all || !(all->items = calloc(count, sizeof *all->items)))
        return audit_say("no memory");
    if (count > FOLLOWS_MAX)
        return audit_say("--follow: at most %d daemons", FOLLOWS_MAX);
    all->base = base;
    all->witness = witness;
    all->interval_s = interval_s;
    all->once = once;
    int code = read_token(all, token);
    for (unsigned i = 0; i < count && code == 0; i++) {
        struct follow *follow = &all->items[all->count++];
        follow->all = all;
        follow->address = addresses[i];
        code = resolve(follow);
        if (code == 0 && !(follow->timer = evtimer_new(base, on_timer, follow)))
            code = audit_say("no memory");
    }
    for (unsigned i = 0; i < all->count && code == 0; i++)
        wait_for(&all->items[i], 0);
    return code;
}

int audit_follow_result(const struct audit_follows *follows)
{
    int worst = AUDIT_HOLDS;
    for (unsigned i = 0; i < follows->count; i++) {
        int result = follows->items[i].over ? follows->items[i].result : AUDIT_AWAY;
        worst = result > worst ? result : worst;
    }
    return worst;
}

void audit_follow_close(struct audit_follows *follows)
{
    if (!follows)
        return;
    for (unsigned i = 0; i < follows->count; i++) {
        if (follows->items[i].link)
            bufferevent_free(follows->items[i].link);
        if (follows->items[i].timer)
            event_free(follows->items[i].timer);
    }
    audit_buf_deinit(&follows->token);
    free(follows->items);
    free(follows);
}
