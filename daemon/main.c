/*
 * reliefd: options, configuration, and the order in which things start and stop.
 *
 * Up: loop and signals first (so that a stop during a long recovery is not lost), then the sandbox as far as files go,
 * the data, the addresses, the sandbox's filter of calls, and only when all of that is there the `ready` line. Down:
 * net stops accepting and reading and sends what is under way, then the engine makes durable and flushes what there is.
 * Exit codes: 0 a clean stop, 2 a bad configuration, 1 anything else.
 */
#include <errno.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/notice.h"
#include "base/plant.h"
#include "base/supervisor.h"
#include "conf/conf.h"
#include "engine/engine.h"
#include "net/net.h"
#include "reload.h"
#include "rpc/rpc.h"
#include "sandbox/sandbox.h"

#define CONNS_RESERVED 16u /* for the operator's socket, beyond [limits] connections */
/* Descriptors beside those: listeners, loop, log, store, evidence; a dump or a backup has a few more, and there are
 * some of them at a time. */
#define FILES_OPEN     80u
#define CONFIG_DEFAULT "/etc/relief/reliefd.conf"

enum { EXIT_CONFIG = 2 };

struct options {
    const char *config; /* -c; NULL: the default, if it is there */
    const char *data;   /* NULL: the configuration's */
    bool check_only;
};

static const char help[] =
    "usage: reliefd [-c FILE] [--data DIR] [--listen ADDR]... [--check-config] [--foreground]\n"
    "\n"
    "  -c, --config FILE   read this configuration; default " CONFIG_DEFAULT ", if there is one\n"
    "      --data DIR      folder of the log and the store; made when it does not exist\n"
    "      --listen ADDR   unix:PATH, tcp:HOST:PORT (port 0: any), tcp:[::1]:PORT, tls:HOST:PORT; on\n"
    "                      loopback TCP also ADDR,as=IDENTITY; may be repeated; instead of the\n"
    "                      configuration's addresses\n"
    "      --check-config  print the configuration in force and exit: 0 good, 2 bad\n"
    "      --foreground    accepted; reliefd never goes into the background\n"
    "      --version, --help\n";

/* ---- options and configuration ---- */

static int add_listener(struct conf_listens *listens, const char *text)
{
    const char *why = "";
    if (listens->count == CONF_LISTENERS_MAX) {
        notice(RELIEF_MESSAGE_CONFIG_BAD, "option=listen why=\"at most %u addresses\"", CONF_LISTENERS_MAX);
        return EXIT_CONFIG;
    }
    if (conf_listen_parse(text, &listens->rows[listens->count], &why) != 0) {
        notice(RELIEF_MESSAGE_CONFIG_BAD, "option=listen value=%s why=%s", notice_quote(text).text,
               notice_quote(why).text);
        return EXIT_CONFIG;
    }
    listens->count++;
    return 0;
}

/* -1: go on; else the exit code. */
static int read_options(int argc, char **argv, struct options *options, struct conf_listens *listens)
{
    enum { DATA = 256, LISTEN, CHECK, FOREGROUND, VERSION };
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"data", required_argument, NULL, DATA},
        {"listen", required_argument, NULL, LISTEN},
        {"check-config", no_argument, NULL, CHECK},
        {"foreground", no_argument, NULL, FOREGROUND},
        {"version", no_argument, NULL, VERSION},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "c:h", known, NULL)) != -1;) {
        switch (option) {
        case 'c':
            options->config = optarg;
            break;
        case DATA:
            options->data = optarg;
            break;
        case LISTEN:
            if (add_listener(listens, optarg) != 0)
                return EXIT_CONFIG;
            break;
        case CHECK:
            options->check_only = true;
            break;
        case FOREGROUND:
            break;
        case VERSION:
            puts("reliefd " RELIEF_VERSION);
            return 0;
        case 'h':
            fputs(help, stdout);
            return 0;
        default:
            fputs(help, stderr);
            return EXIT_CONFIG;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "reliefd: '%s' is no option\n%s", argv[optind], help);
        return EXIT_CONFIG;
    }
    return -1;
}

static int load_config(struct options *options, const struct conf_listens *listens, struct conf *conf)
{
    const char *path = options->config;
    conf_init(conf, getenv("RELIEF_SOCKET"));
    if (!path && access(CONFIG_DEFAULT, F_OK) == 0)
        path = options->config = CONFIG_DEFAULT;
    if (path && conf_load(conf, path, conf_report_print, stderr) != 0) {
        notice(RELIEF_MESSAGE_CONFIG_BAD, "file=%s", notice_quote(path).text);
        return EXIT_CONFIG;
    }
    if (options->data && (options->data[0] == '\0' || strlen(options->data) >= sizeof conf->data_dir)) {
        notice(RELIEF_MESSAGE_CONFIG_BAD, "option=data why=\"no usable path\"");
        return EXIT_CONFIG;
    }
    if (options->data)
        snprintf(conf->data_dir, sizeof conf->data_dir, "%s", options->data);
    if (listens->count)
        conf->listen_address = *listens;
    return 0;
}

/* ---- the parts ---- */

struct daemon {
    struct options *options;
    const struct conf_listens *listens; /* of --listen */
    struct conf conf;
    struct conf loaded; /* the same as it was written */
    struct reload reload;
    struct rpc *rpc;
    struct net *net;
    struct engine *engine;
    struct sandbox sandbox;
    const char *config; /* the file that was read, or NULL */
    char ready[CONF_LISTENERS_MAX * (ADDR_TEXT_BYTES + 1) + 8];
};

static struct rpc_identity identity_of(const struct conf_identity *as)
{
    struct rpc_identity identity = {.known = false};
    char text[CONF_IDENTITY_BYTES];
    conf_identity_text(as, text);
    rpc_identity_parse(&identity, text); /* conf has checked it */
    return identity;
}

static void add_mappings(struct rpc_mapping *to, unsigned *count, const struct conf_mappings *from, bool by_group)
{
    for (unsigned i = 0; i < from->count; i++) {
        if (from->rows[i].id == CONF_ID_NONE)
            continue;
        to[(*count)++] = (struct rpc_mapping){
            .by_group = by_group, .id = from->rows[i].id, .identity = identity_of(&from->rows[i].as)};
    }
}

static int open_rpc(struct daemon *daemon)
{
    static struct rpc_identity listeners[CONF_LISTENERS_MAX];
    static struct rpc_mapping mappings[2 * CONF_ROWS_MAX];
    const struct conf_listens *listens = &daemon->conf.listen_address;
    struct rpc_options options = {.conns_per_city_max = (unsigned)daemon->conf.limits_connections_per_city,
                                  .listeners = listeners,
                                  .listener_count = listens->count,
                                  .mappings = mappings,
                                  .alive = supervisor_alive};
    for (unsigned i = 0; i < listens->count; i++)
        if (listens->rows[i].has_identity)
            listeners[i] = identity_of(&listens->rows[i].as);
    add_mappings(mappings, &options.mapping_count, &daemon->conf.identity_user, false);
    add_mappings(mappings, &options.mapping_count, &daemon->conf.identity_group, true);
    return rpc_open(&daemon->rpc, &options);
}

/* What to say when a part can't be begun: a limit that its owner set low is no fault of the part that met it. */
static enum relief_message cause(enum relief_message otherwise, int error)
{
    return error == -EMFILE || error == -ENOMEM ? RELIEF_MESSAGE_LIMIT_LOW : otherwise;
}

static void on_signal(void *context, int signo)
{
    (void)signo;
    net_stop(context);
}

static unsigned connections(const struct daemon *daemon)
{
    unsigned wanted = (unsigned)daemon->conf.limits_connections;
    unsigned fit = net_fit_descriptors(wanted, CONNS_RESERVED + FILES_OPEN);
    if (fit < wanted)
        notice(RELIEF_MESSAGE_LIMITS_LOWERED, "connections=%u configured=%u", fit, wanted);
    return fit;
}

/* Files are small and on this machine: the loop stands still for some milliseconds. */
static void on_reload(void *context, int signo)
{
    static struct conf fresh;
    struct daemon *daemon = context;
    char why[RELOAD_WHY_BYTES] = "", changed[400];
    (void)signo;
    if (load_config(daemon->options, daemon->listens, &fresh) != 0) {
        notice(RELIEF_MESSAGE_RELOAD_FAILED, "why=\"see the lines above\"");
        return;
    }
    if (reload_take(&daemon->reload, &fresh, why) != 0) {
        notice(RELIEF_MESSAGE_RELOAD_FAILED, "why=%s", notice_quote(why).text);
        return;
    }
    conf_restart(&daemon->loaded, &fresh, changed, sizeof changed);
    if (changed[0])
        notice(RELIEF_MESSAGE_RELOAD_RESTART, "options=%s", notice_quote(changed).text);
    notice(RELIEF_MESSAGE_RELOADED, "closed=%u", daemon->reload.closed);
}

/* The files that the configuration names, for the first time. */
static int open_files(struct daemon *daemon)
{
    char why[RELOAD_WHY_BYTES] = "";
    daemon->reload.net = daemon->net;
    daemon->reload.rpc = daemon->rpc;
    if (reload_take(&daemon->reload, &daemon->conf, why) == 0)
        return 0;
    notice(RELIEF_MESSAGE_CONFIG_BAD, "why=%s", notice_quote(why).text);
    return EXIT_CONFIG;
}

static int check_files(const struct conf *conf)
{
    char why[RELOAD_WHY_BYTES] = "";
    if (reload_check(conf, why) == 0)
        return 0;
    notice(RELIEF_MESSAGE_CONFIG_BAD, "why=%s", notice_quote(why).text);
    return EXIT_CONFIG;
}

static int open_loop(struct daemon *daemon)
{
    struct net_options options = {
        .conns_max = connections(daemon),
        .conns_reserved = CONNS_RESERVED,
        .conns_per_address_max = (unsigned)daemon->conf.limits_connections_per_address,
    };
    signal(SIGPIPE, SIG_IGN);
    /* What the loop's handlers fall back to when it is closed: a second stop doesn't interrupt the first. */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);  /* before the start is over and after it, there is nothing to read again */
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is an error of the write, as a full disk is */
    int result = open_rpc(daemon);
    if (result == 0)
        result = net_open(&daemon->net, &options, rpc_handlers(daemon->rpc));
    if (result == 0)
        result = net_on_signal(daemon->net, SIGTERM, on_signal, daemon->net);
    if (result == 0)
        result = net_on_signal(daemon->net, SIGINT, on_signal, daemon->net);
    if (result == 0)
        result = net_on_signal(daemon->net, SIGHUP, on_reload, daemon);
    if (result)
        notice(cause(RELIEF_MESSAGE_LOOP_FAILED, result), "error=%s", notice_quote(strerror(-result)).text);
    return result ? EXIT_FAILURE : 0;
}

/*
 * On whatever thread met it; nothing of this process can go on. Without memory in the middle of a change the state is
 * half changed, and a start makes it right. What is neither that nor damage is a defect and aborts.
 */
static void on_fatal(const char *what, bool damaged)
{
    bool memory = strncmp(what, "out of memory", strlen("out of memory")) == 0;
    notice(damaged  ? RELIEF_MESSAGE_STORE_DAMAGED
           : memory ? RELIEF_MESSAGE_NO_MEMORY
                    : RELIEF_MESSAGE_INTERNAL,
           "what=%s", notice_quote(what).text);
    if (damaged || (memory && !PLANT("abort-memory")))
        _exit(EXIT_FAILURE);
}

/* ---- the sandbox: sandbox/sandbox.c says what goes when ---- */

static int sandbox_failed(int error)
{
    notice(cause(RELIEF_MESSAGE_SANDBOX_FAILED, error), "error=%s", notice_quote(strerror(-error)).text);
    return EXIT_FAILURE;
}

/* What is opened or asked for by name, as far as it can be now; a path that can't is complained about by who opens it.
 */
static unsigned prepare_addresses(struct daemon *daemon, struct sandbox_path *paths, uint16_t *ports,
                                  unsigned *ret_ports)
{
    struct conf_listens *listens = &daemon->conf.listen_address;
    unsigned count = 0;
    *ret_ports = 0;
    for (unsigned i = 0; i < listens->count; i++) {
        char *address = listens->rows[i].address, prepared[ADDR_TEXT_BYTES];
        unsigned port = 0;
        if (net_prepare(address, prepared, sizeof prepared, &port) != 0)
            continue;
        memcpy(address, prepared, sizeof prepared);
        if (strncmp(address, "unix:", 5) == 0)
            paths[count++] = (struct sandbox_path){SANDBOX_SOCKET, address + 5};
        else
            ports[(*ret_ports)++] = (uint16_t)port;
    }
    return count;
}

struct file_list {
    struct sandbox_path *paths;
    unsigned count;
};

static void add_file(void *context, const char *path)
{
    struct file_list *list = context;
    list->paths[list->count++] = (struct sandbox_path){SANDBOX_FILE, path};
}

/* What a reload reads again. */
static unsigned list_files(const struct conf *conf, struct sandbox_path *paths)
{
    struct file_list list = {.paths = paths};
    conf_files(conf, add_file, &list);
    return list.count;
}

static int enter_sandbox(struct daemon *daemon)
{
    enum { OTHERS = 2 }; /* the data and the configuration */
    static struct sandbox_path paths[CONF_LISTENERS_MAX + OTHERS + CONF_FILES_MAX];
    uint16_t ports[CONF_LISTENERS_MAX];
    struct sandbox_options options = {.files = daemon->conf.sandbox_landlock != CONF_OFF,
                                      .calls = (enum sandbox_calls)daemon->conf.sandbox_seccomp,
                                      .paths = paths,
                                      .ports = ports};
    options.path_count = prepare_addresses(daemon, paths, ports, &options.port_count);
    paths[options.path_count++] = (struct sandbox_path){SANDBOX_DATA, daemon->conf.data_dir};
    /* A reload takes the default one also when it is new. */
    paths[options.path_count++] = (struct sandbox_path){SANDBOX_FILE, daemon->config ? daemon->config : CONFIG_DEFAULT};
    options.path_count += list_files(&daemon->conf, paths + options.path_count);
    conf_names_settle();
    OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL); /* its configuration is a file of the system */
    int result = sandbox_enclose(&daemon->sandbox, &options);
    if (result)
        return sandbox_failed(result);
    if (daemon->sandbox.lacks_files)
        notice(RELIEF_MESSAGE_SANDBOX_LACKS, "part=landlock");
    return 0;
}

static int seal_sandbox(struct daemon *daemon)
{
    int result = sandbox_seal(&daemon->sandbox);
    if (result)
        return sandbox_failed(result);
    if (daemon->sandbox.lacks_calls)
        notice(RELIEF_MESSAGE_SANDBOX_LACKS, "part=seccomp");
    return 0;
}

static int open_engine(struct daemon *daemon)
{
    struct engine_report report;
    struct engine_options options = {
        .dir = daemon->conf.data_dir,
        .segment_bytes = (size_t)daemon->conf.data_segment_mib << 20,
        .wake = rpc_wake,
        .context = daemon->rpc,
        .fatal = on_fatal,
        .origin = daemon->conf.evidence_origin,
        .witnesses = daemon->conf.witness_key.rows,
        .witness_count = daemon->conf.witness_key.count,
    };
    int result = engine_open(&daemon->engine, &options, &report);
    if (result) {
        enum relief_message message = result == -EBUSY     ? RELIEF_MESSAGE_DATA_BUSY
                                      : result == -EINVAL  ? RELIEF_MESSAGE_CONFIG_BAD
                                      : result == -EUCLEAN ? RELIEF_MESSAGE_DATA_DAMAGED
                                                           : cause(RELIEF_MESSAGE_DATA_FAILED, result);
        notice(message, "data=%s error=%s", notice_quote(daemon->conf.data_dir).text,
               notice_quote(report.message).text);
        return result == -EINVAL ? EXIT_CONFIG : EXIT_FAILURE;
    }
    if (report.evidence[0])
        notice(RELIEF_MESSAGE_EVIDENCE_DAMAGED, "what=%s", notice_quote(report.evidence).text);
    if (report.evidence_anew)
        notice(RELIEF_MESSAGE_EVIDENCE_ANEW, "seq=%llu", (unsigned long long)report.seq);
    if (report.start == ENGINE_RECOVERED)
        notice(RELIEF_MESSAGE_RECOVERED, "seq=%llu applied=%llu cut=%llu", (unsigned long long)report.seq,
               (unsigned long long)report.applied, (unsigned long long)report.cut);
    if (report.message[0])
        notice(RELIEF_MESSAGE_CLOCK, "what=%s", notice_quote(report.message).text);
    return 0;
}

static int open_addresses(struct daemon *daemon)
{
    const struct conf_listens *listens = &daemon->conf.listen_address;
    size_t at = (size_t)snprintf(daemon->ready, sizeof daemon->ready, "ready");
    for (unsigned i = 0; i < listens->count; i++) {
        char bound[ADDR_TEXT_BYTES];
        int result = net_listen(daemon->net, listens->rows[i].address, i, bound, sizeof bound);
        if (result) {
            notice(cause(RELIEF_MESSAGE_LISTEN_FAILED, result), "address=%s error=%s",
                   notice_quote(listens->rows[i].address).text, notice_quote(strerror(-result)).text);
            return result == -EINVAL || result == -EPROTONOSUPPORT ? EXIT_CONFIG : EXIT_FAILURE;
        }
        at += (size_t)snprintf(daemon->ready + at, sizeof daemon->ready - at, " %s", bound);
    }
    return 0;
}

static int serve(struct daemon *daemon)
{
    char sandbox[SANDBOX_TEXT_BYTES];
    sandbox_text(&daemon->sandbox, sandbox);
    notice(RELIEF_MESSAGE_STARTED, "version=" RELIEF_VERSION " data=%s seq=%llu sandbox=%s",
           notice_quote(daemon->conf.data_dir).text, (unsigned long long)engine_durable(daemon->engine), sandbox);
    fprintf(stderr, "%s\n", daemon->ready);
    supervisor_tell("READY=1");
    int result = net_run(daemon->net);
    supervisor_tell("STOPPING=1");
    if (result)
        notice(RELIEF_MESSAGE_LOOP_FAILED, "error=%s", notice_quote(strerror(-result)).text);
    if (rpc_failure(daemon->rpc) == -EUCLEAN && engine_store_aside(daemon->conf.data_dir) == 0)
        notice(RELIEF_MESSAGE_STORE_DAMAGED, "what=\"LMDB found its pages inconsistent\"");
    return result || rpc_failure(daemon->rpc) ? EXIT_FAILURE : 0;
}

/* Whatever is open, in the order in which nothing is used after its end. */
static int close_all(struct daemon *daemon, int code)
{
    if (daemon->rpc)
        rpc_detach(daemon->rpc);
    net_close(daemon->net);
    int result = engine_close(daemon->engine); /* its threads may still call rpc_wake */
    rpc_close(daemon->rpc);
    if (result && code == 0) {
        notice(RELIEF_MESSAGE_CLOSE_FAILED, "error=%s", notice_quote(strerror(-result)).text);
        code = EXIT_FAILURE;
    }
    return code;
}

int main(int argc, char **argv)
{
    static struct daemon daemon;
    static struct conf_listens listens;
    struct options options = {0};
    int code = read_options(argc, argv, &options, &listens);
    if (code >= 0)
        return code;
    code = load_config(&options, &listens, &daemon.conf);
    if (code == 0 && options.check_only)
        code = check_files(&daemon.conf);
    if (code || options.check_only) {
        if (code == 0)
            conf_print(&daemon.conf, stdout);
        return code;
    }
    daemon.config = options.config;
    supervisor_open();
    daemon.options = &options;
    daemon.listens = &listens;
    daemon.loaded = daemon.conf;
    code = open_loop(&daemon);
    if (code == 0)
        code = enter_sandbox(&daemon);
    if (code == 0)
        code = open_files(&daemon); /* from inside, as every reload */
    if (code == 0)
        code = open_engine(&daemon);
    if (code == 0) {
        code = rpc_attach(daemon.rpc, daemon.engine, daemon.net) == 0 ? open_addresses(&daemon) : EXIT_FAILURE;
    }
    if (code == 0)
        code = seal_sandbox(&daemon);
    if (code == 0)
        code = serve(&daemon);
    bool served = code == 0;
    code = close_all(&daemon, code);
    if (served && code == 0)
        notice(RELIEF_MESSAGE_STOPPED, "signal=received");
    return code;
}
