/*
 * A peer at the other end of a socket pair. It holds the daemon to what PROTOCOL.md promises: whole values of
 * MessagePack, one answer a request in the order of the requests, refusals of known codes, and no answer to a change
 * before its entry is durable and in the log.
 */
#include "session.h"
#include <errno.h>
#include <fcntl.h>
#include <msgpack.h>
#include <sys/socket.h>
#include <unistd.h>
#include "schema/commands.h"

#define ANSWER_BYTES_MAX (64u << 20)

void peer_open(struct session_peer *peer, struct net *net, struct engine *engine, unsigned listener)
{
    static const uint8_t address[16];
    struct net_peer about = {.transport = NET_TCP, .loopback = true, .listener = listener};
    struct relief_buf out = peer->out, in = peer->in;
    int ends[2];
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    FUZZ_CHECK(conn_open(net, ends[0], &about, address, false, false) == 0);
    *peer = (struct session_peer){.engine = engine, .fd = ends[1], .may_end = listener == 0, .out = out, .in = in};
    relief_buf_clear(&peer->out);
    relief_buf_clear(&peer->in);
}

void peer_close(struct session_peer *peer)
{
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
    peer->owed_count = 0;
}

void peer_request(struct session_peer *peer, const struct relief_method_info *method, struct relief_str params)
{
    if (peer->owed_count == SESSION_OWED_MAX)
        return;
    unsigned at = (peer->owed_first + peer->owed_count++) % SESSION_OWED_MAX;
    peer->owed[at].msgid = ++peer->msgid;
    peer->owed[at].method = method;
    relief_pack_array(&peer->out, 4);
    relief_pack_int(&peer->out, 0);
    relief_pack_int(&peer->out, peer->msgid);
    relief_pack_text(&peer->out, method->wire);
    relief_pack_array(&peer->out, 1);
    relief_buf_add_str(&peer->out, params);
}

void peer_bytes(struct session_peer *peer, struct relief_str bytes)
{
    peer->wild = peer->may_end = true;
    relief_buf_add_str(&peer->out, bytes);
}

/* ---- what comes ---- */

static const msgpack_object *member(const msgpack_object *map, const char *key)
{
    for (uint32_t i = 0; map->type == MSGPACK_OBJECT_MAP && i < map->via.map.size; i++) {
        const msgpack_object_str *name = &map->via.map.ptr[i].key.via.str;
        if (name->size == strlen(key) && memcmp(name->ptr, key, name->size) == 0)
            return &map->via.map.ptr[i].val;
    }
    return NULL;
}

/* The entry that the answer names is durable, and of this method. */
static void check_change(struct session_peer *peer, const struct relief_method_info *method,
                         const msgpack_object *result)
{
    struct engine_entry entry;
    const msgpack_object *seq = member(result, "seq");
    FUZZ_CHECK(seq && seq->type == MSGPACK_OBJECT_POSITIVE_INTEGER && seq->via.u64 > 0);
    FUZZ_CHECK(seq->via.u64 <= engine_durable(peer->engine));
    FUZZ_CHECK(engine_read_entry(peer->engine, seq->via.u64, &entry) == 0);
    FUZZ_CHECK(entry.seq == seq->via.u64 && entry.command == method->number);
}

static void check_refusal(const msgpack_object *error, const msgpack_object *result)
{
    const msgpack_object *code = member(error, "code"), *text = member(error, "message");
    FUZZ_CHECK(code && code->type == MSGPACK_OBJECT_STR && text && text->type == MSGPACK_OBJECT_STR);
    FUZZ_CHECK(relief_error_from_name(code->via.str.ptr, code->via.str.size) > 0);
    FUZZ_CHECK(!(code->via.str.size == 8 && memcmp(code->via.str.ptr, "INTERNAL", 8) == 0));
    FUZZ_CHECK(result->type == MSGPACK_OBJECT_NIL);
}

static void check_answer(struct session_peer *peer, const msgpack_object *answer)
{
    const msgpack_object *msgid = &answer[1], *error = &answer[2], *result = &answer[3];
    const struct relief_method_info *method = NULL;
    FUZZ_CHECK(msgid->type == MSGPACK_OBJECT_POSITIVE_INTEGER && msgid->via.u64 <= UINT32_MAX);
    peer->answers++;
    if (!peer->wild) {
        FUZZ_CHECK(peer->owed_count > 0);
        FUZZ_CHECK(peer->owed[peer->owed_first].msgid == msgid->via.u64 || peer->may_end);
        method = peer->owed[peer->owed_first].method;
        peer->owed_first = (peer->owed_first + 1) % SESSION_OWED_MAX;
        peer->owed_count--;
    }
    if (error->type != MSGPACK_OBJECT_NIL)
        check_refusal(error, result);
    else if (method && method->kind == RELIEF_CHANGE)
        check_change(peer, method, result);
}

static void check_message(struct session_peer *peer, struct relief_str bytes)
{
    msgpack_unpacked value;
    size_t used = 0;
    msgpack_unpacked_init(&value);
    FUZZ_CHECK(msgpack_unpack_next(&value, bytes.data, bytes.len, &used) == MSGPACK_UNPACK_SUCCESS);
    FUZZ_CHECK(used == bytes.len && value.data.type == MSGPACK_OBJECT_ARRAY);
    const msgpack_object_array *array = &value.data.via.array;
    FUZZ_CHECK(array->size > 0 && array->ptr[0].type == MSGPACK_OBJECT_POSITIVE_INTEGER);
    FUZZ_CHECK(array->size == (array->ptr[0].via.u64 == 1 ? 4 : 3) && array->ptr[0].via.u64 - 1 < 2);
    if (array->size == 4)
        check_answer(peer, array->ptr);
    else
        FUZZ_CHECK(array->ptr[1].type == MSGPACK_OBJECT_STR && array->ptr[2].type == MSGPACK_OBJECT_ARRAY);
    msgpack_unpacked_destroy(&value);
}

static void take_messages(struct session_peer *peer)
{
    size_t at = 0;
    while (at < peer->in.len) {
        struct scan scan;
        scan_init(&scan, ANSWER_BYTES_MAX);
        enum scan_status status = scan_feed(&scan, (const uint8_t *)peer->in.data + at, peer->in.len - at);
        if (status == SCAN_MORE)
            break;
        FUZZ_CHECK(status == SCAN_DONE ||
                   (status == SCAN_LIMIT && (scan.fault == SCAN_FAULT_STRING || scan.fault == SCAN_FAULT_ELEMENTS)));
        check_message(peer, (struct relief_str){peer->in.data + at, (uint32_t)scan.pos});
        at += scan.pos;
    }
    memmove(peer->in.data, peer->in.data + at, peer->in.len - at);
    peer->in.len -= at;
}

/* ---- turns ---- */

static bool write_some(struct session_peer *peer)
{
    if (peer->out_at == peer->out.len)
        return false;
    ssize_t gone = send(peer->fd, peer->out.data + peer->out_at, peer->out.len - peer->out_at, MSG_NOSIGNAL);
    if (gone < 0 && errno == EAGAIN)
        return false;
    if (gone < 0) { /* it has closed; what it still said is read below */
        FUZZ_CHECK(peer->may_end || peer->shut);
        peer->out_at = peer->out.len;
        return false;
    }
    peer->out_at += (size_t)gone;
    if (peer->out_at == peer->out.len) {
        relief_buf_clear(&peer->out);
        peer->out_at = 0;
    }
    return true;
}

static bool read_some(struct session_peer *peer)
{
    bool any = false;
    for (;;) {
        FUZZ_CHECK(relief_buf_reserve(&peer->in, 65536));
        ssize_t got = recv(peer->fd, peer->in.data + peer->in.len, 65536, 0);
        if (got > 0) {
            any = true;
            peer->in.len += (size_t)got;
            take_messages(peer);
            continue;
        }
        if (got == 0 || errno != EAGAIN) {
            FUZZ_CHECK(peer->may_end || peer->shut);
            FUZZ_CHECK(got < 0 || peer->wild || peer->in.len == 0); /* it ends between two messages */
            FUZZ_CHECK(!peer->shut || peer->may_end || peer->owed_count == 0);
            peer_close(peer);
            any = true;
        }
        return any;
    }
}

bool peer_turn(struct session_peer *peer)
{
    if (peer->fd < 0)
        return false;
    bool any = write_some(peer);
    if (peer->shut && peer->out_at == peer->out.len)
        shutdown(peer->fd, SHUT_WR);
    return (!peer->deaf && read_some(peer)) || any;
}
