/*
 * What a daemon that was taken over would try. Every attempt is made in a process of its own that has entered the
 * sandbox as the daemon does, with a folder of data and a thread from before the filter; the parent looks at how it
 * ended.
 *
 * Landlock and the filter are tried apart, so that one that doesn't work can't hide behind the other.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "sandbox/sandbox.h"

static char folder[64], data[80], outside[80];
/* From before the sandbox: a TCP socket, the listener that is there to be connected to, a datagram socket and a pair.
 */
static int tcp_fd, listener_fd, datagram_fd, pair[2];
static struct sockaddr_in listener_at;
static struct sockaddr_un abstract_at = {.sun_family = AF_UNIX, .sun_path = "\0relief-test-sandbox"};

/* ---- the attempts: 0 when it could be done, else errno ---- */

static int said(long result)
{
    return result < 0 ? errno : 0;
}

static int open_below(const char *dir, const char *name, int flags)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return said(open(path, flags | O_CLOEXEC, 0600));
}

static int read_outside(void)
{
    return said(open(outside, O_RDONLY | O_CLOEXEC));
}
static int make_outside(void)
{
    return open_below(folder, "new", O_WRONLY | O_CREAT);
}
static int list_root(void)
{
    return said(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}
static int read_passwords(void)
{
    return said(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}
static int move_out(void)
{
    char from[160], to[160];
    snprintf(from, sizeof from, "%s/inside", data);
    snprintf(to, sizeof to, "%s/moved", folder);
    return said(rename(from, to));
}
static int do_connect(void)
{
    return said(connect(tcp_fd, (struct sockaddr *)&listener_at, sizeof listener_at));
}
static int do_bind(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return said(bind(tcp_fd, (struct sockaddr *)&at, sizeof at));
}
static int do_exec(void)
{
    char *const words[] = {(char *)(uintptr_t) "true", NULL};
    return said(execv("/bin/true", words));
}
static int do_signal(void)
{
    return said(kill(getppid(), 0));
}
static int say_abstract(void)
{
    return said(sendto(datagram_fd, "x", 1, 0, (struct sockaddr *)&abstract_at,
                       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 20)));
}
static int do_socket(void)
{
    return said(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int do_listen(void)
{
    return said(listen(tcp_fd, 1));
}
static int do_fork(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return said(child);
}
static int do_unshare(void)
{
    return said(unshare(CLONE_NEWUSER));
}
static int clone_name_space(void)
{
    return said(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
}
static int do_trace(void)
{
    return said(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}
static int read_others_memory(void)
{
    return said(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
}
static int map_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? errno : 0;
}
static int make_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? 0 : said(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}
static int do_io_uring(void)
{
    return said(syscall(SYS_io_uring_setup, 1, NULL));
}
static int do_bpf(void)
{
    return said(syscall(SYS_bpf, 0, NULL, 0));
}
static int add_key(void)
{
    return said(syscall(SYS_add_key, "user", "x", "x", 1, 0));
}
static int name_memory(void)
{
    return said(memfd_create("x", 0));
}
static int be_dumpable(void)
{
    return said(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}
static int raise_limit(void)
{
    struct rlimit limit = {1, 1};
    return said(prlimit(0, RLIMIT_CORE, &limit, NULL));
}
static int limit_parent(void)
{
    struct rlimit limit;
    return said(prlimit(getppid(), RLIMIT_CORE, NULL, &limit));
}
static int push_terminal_input(void)
{
    return said(ioctl(STDIN_FILENO, TIOCSTI, "x"));
}
static int own_signals(void)
{
    return said(fcntl(tcp_fd, F_SETOWN, getppid()));
}
static int send_elsewhere(void)
{
    return said(sendto(pair[0], "x", 1, 0, (struct sockaddr *)&abstract_at, sizeof abstract_at));
}
static int slow_parent(void)
{
    return said(setpriority(PRIO_PROCESS, (id_t)getppid(), 19));
}
static int do_chroot(void)
{
    return said(chroot("/"));
}
static int raw_clone3(void)
{
    return said(syscall(SYS_clone3, NULL, 0));
}
static int do_abort(void)
{
    abort();
}

static void *nothing(void *context)
{
    return context;
}

/* What a daemon goes on doing. */
static int serve(void)
{
    pthread_t thread;
    char buffer[8];
    if (open_below(data, "inside", O_RDWR) || open_below(data, "made", O_RDWR | O_CREAT))
        return 1;
    if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL))
        return 2;
    void *page = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || mremap(page, 1 << 20, 1 << 21, MREMAP_MAYMOVE) == MAP_FAILED)
        return 3;
    if (send(pair[0], "x", 1, MSG_NOSIGNAL) != 1 || recv(pair[1], buffer, sizeof buffer, 0) != 1)
        return 4;
    if (setpriority(PRIO_PROCESS, 0, 10))
        return 5;
    return 0;
}

/* ---- the process that tries ---- */

struct trial {
    bool files;
    enum sandbox_calls calls;
    int (*attempt)(void);
    bool on_thread; /* one that was there before the filter */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *try_later(void *context)
{
    struct trial *trial = context;
    pthread_mutex_lock(&lock);
    _exit(trial->attempt());
}

static int enter_and_try(struct trial *trial)
{
    const struct sandbox_path paths[] = {{SANDBOX_DATA, data}};
    const struct sandbox_options options = {
        .files = trial->files, .calls = trial->calls, .paths = paths, .path_count = 1};
    struct sandbox sandbox;
    pthread_t thread;
    tcp_fd = socket(AF_INET, SOCK_STREAM, 0); /* its own: an attempt may change it */
    pthread_mutex_lock(&lock);
    if (sandbox_enclose(&sandbox, &options) || pthread_create(&thread, NULL, try_later, trial) ||
        sandbox_seal(&sandbox))
        return 255;
    if (trial->on_thread) {
        pthread_mutex_unlock(&lock);
        pthread_join(thread, NULL);
    }
    return trial->attempt();
}

/* How it ended, as waitpid says it. */
static int run_trial(struct trial trial, char *ret_said, size_t size)
{
    int to_parent[2], status;
    assert_int_equal(pipe(to_parent), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(to_parent[1], STDERR_FILENO);
        _exit(enter_and_try(&trial));
    }
    close(to_parent[1]);
    ssize_t got = read(to_parent[0], ret_said, size - 1);
    ret_said[got < 0 ? 0 : got] = '\0';
    close(to_parent[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static int try_it(bool files, enum sandbox_calls calls, int (*attempt)(void))
{
    char text[400];
    return run_trial((struct trial){files, calls, attempt, false}, text, sizeof text);
}

static void expect_exit(int status, int code)
{
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), code);
}

static void expect_killed(int status, int signo)
{
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), signo);
}

/* ---- the tests ---- */

static int landlock_abi(void)
{
#ifdef RELIEF_SANDBOX_WITHOUT_FILES
    return 0;
#else
    long abi = syscall(444, NULL, 0, 1); /* landlock_create_ruleset, its version */
    return abi < 0 ? 0 : (int)abi;
#endif
}

static void need_landlock(int abi)
{
    if (landlock_abi() >= abi)
        return;
    print_message("skipped: Landlock here is version %d, and this is %d's (0: none, or a build that is instrumented)\n",
                  landlock_abi(), abi);
    skip();
}

static void need_filter(void)
{
#ifdef RELIEF_SANDBOX_WITHOUT_CALLS
    print_message("skipped: a build with sanitizers has no filter\n");
    skip();
#endif
}

static void test_daemon_goes_on(void **state)
{
    (void)state;
    expect_exit(try_it(true, SANDBOX_CALLS_ON, serve), 0);
    expect_exit(try_it(true, SANDBOX_CALLS_OFF, serve), 0);
    expect_exit(try_it(true, SANDBOX_CALLS_REPORT, serve), 0);
    expect_exit(try_it(false, SANDBOX_CALLS_OFF, serve), 0);
}

/* The attempts do succeed outside: a refusal is the sandbox's. */
static void test_attempts_are_real(void **state)
{
    int (*const attempts[])(void) = {read_outside, make_outside, list_root, read_passwords, do_connect,
                                     do_bind,      do_exec,      do_signal, say_abstract,   do_socket,
                                     do_fork,      map_code,     make_code, name_memory,    own_signals};
    (void)state;
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
        expect_exit(try_it(false, SANDBOX_CALLS_OFF, attempts[i]), 0);
}

static void test_files(void **state)
{
    (void)state;
    need_landlock(1);
    expect_exit(try_it(true, SANDBOX_CALLS_OFF, read_outside), EACCES);
    expect_exit(try_it(true, SANDBOX_CALLS_OFF, make_outside), EACCES);
    expect_exit(try_it(true, SANDBOX_CALLS_OFF, list_root), EACCES);
    expect_exit(try_it(true, SANDBOX_CALLS_OFF, read_passwords), EACCES);
    expect_exit(try_it(true, SANDBOX_CALLS_OFF, do_exec), EACCES);
    int status = try_it(true, SANDBOX_CALLS_OFF, move_out);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == EACCES || WEXITSTATUS(status) == EXDEV));
}

static void test_files_beside_the_filter(void **state)
{
    (void)state;
    need_landlock(1);
    expect_exit(try_it(true, SANDBOX_CALLS_ON, read_outside), EACCES);
    expect_exit(try_it(true, SANDBOX_CALLS_ON, read_passwords), EACCES);
}

static void test_ports(void **state)
{
    (void)state;
    need_landlock(4);
    expect_exit(try_it(true, SANDBOX_CALLS_OFF, do_connect), EACCES);
    expect_exit(try_it(true, SANDBOX_CALLS_OFF, do_bind), EACCES);
}

static void test_other_processes(void **state)
{
    (void)state;
    need_landlock(6);
    expect_exit(try_it(true, SANDBOX_CALLS_OFF, do_signal), EPERM);
    expect_exit(try_it(true, SANDBOX_CALLS_OFF, say_abstract), EPERM);
}

static const struct {
    const char *name;
    int (*attempt)(void);
} killed[] = {
#define ATTEMPT(name)                                                                                                  \
    {                                                                                                                  \
#name, name                                                                                                    \
    }
    ATTEMPT(do_socket),
    ATTEMPT(do_connect),
    ATTEMPT(do_bind),
    ATTEMPT(do_listen),
    ATTEMPT(do_exec),
    ATTEMPT(do_fork),
    ATTEMPT(do_unshare),
    ATTEMPT(clone_name_space),
    ATTEMPT(do_trace),
    ATTEMPT(read_others_memory),
    ATTEMPT(do_signal),
    ATTEMPT(map_code),
    ATTEMPT(make_code),
    ATTEMPT(do_io_uring),
    ATTEMPT(do_bpf),
    ATTEMPT(add_key),
    ATTEMPT(name_memory),
    ATTEMPT(be_dumpable),
    ATTEMPT(raise_limit),
    ATTEMPT(limit_parent),
    ATTEMPT(push_terminal_input),
    ATTEMPT(own_signals),
    ATTEMPT(send_elsewhere),
    ATTEMPT(slow_parent),
    ATTEMPT(do_chroot),
};

static void expect_all_killed(bool on_thread)
{
    char text[400];
    for (size_t i = 0; i < sizeof killed / sizeof *killed; i++) {
        int status =
            run_trial((struct trial){false, SANDBOX_CALLS_ON, killed[i].attempt, on_thread}, text, sizeof text);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
            fail_msg("%s was not killed: status %#x", killed[i].name, (unsigned)status);
    }
}

static void test_calls(void **state)
{
    (void)state;
    need_filter();
    expect_all_killed(false);
}

static void test_calls_on_older_threads(void **state)
{
    (void)state;
    need_filter();
    expect_all_killed(true);
}

/* Threads are made with clone where clone3 isn't there, and abort is what it was. */
static void test_what_the_c_library_needs(void **state)
{
    (void)state;
    need_filter();
    expect_exit(try_it(false, SANDBOX_CALLS_ON, raw_clone3), ENOSYS);
    expect_killed(try_it(false, SANDBOX_CALLS_ON, do_abort), SIGABRT);
}

static void test_report_names_the_call(void **state)
{
    char text[400];
    (void)state;
    need_filter();
    for (int on_thread = 0; on_thread < 2; on_thread++) {
        expect_exit(run_trial((struct trial){false, SANDBOX_CALLS_REPORT, do_socket, on_thread}, text, sizeof text), 1);
        assert_non_null(strstr(text, "id=52 "));
        assert_non_null(strstr(text, " name=socket "));
    }
}

static int has_rights(void)
{
    char line[200];
    FILE *status = fopen("/proc/thread-self/status", "re");
    int seen = 0;
    while (status && fgets(line, sizeof line, status)) {
        unsigned long long value;
        if (sscanf(line, "NoNewPrivs: %llu", &value) == 1)
            seen += value == 1;
        if (sscanf(line, "CapEff: %llx", &value) == 1 || sscanf(line, "CapPrm: %llx", &value) == 1 ||
            sscanf(line, "CapInh: %llx", &value) == 1 || sscanf(line, "CapAmb: %llx", &value) == 1)
            seen += value == 0;
    }
    return seen;
}

static void test_rights(void **state)
{
    char text[400];
    (void)state;
    expect_exit(run_trial((struct trial){false, SANDBOX_CALLS_OFF, has_rights, false}, text, sizeof text), 5);
    expect_exit(run_trial((struct trial){false, SANDBOX_CALLS_OFF, has_rights, true}, text, sizeof text), 5);
}

static void test_text(void **state)
{
    char text[SANDBOX_TEXT_BYTES];
    (void)state;
    sandbox_text(&(struct sandbox){.files = 7, .calls = SANDBOX_CALLS_ON}, text);
    assert_string_equal(text, "calls,files:7");
    sandbox_text(&(struct sandbox){.calls = SANDBOX_CALLS_REPORT}, text);
    assert_string_equal(text, "report");
    sandbox_text(&(struct sandbox){.files = 1}, text);
    assert_string_equal(text, "files:1");
    sandbox_text(&(struct sandbox){.files = 0}, text);
    assert_string_equal(text, "none");
}

static int set_up(void **state)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof listener_at;
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/relief-sandbox-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(data, sizeof data, "%s/data", folder);
    snprintf(outside, sizeof outside, "%s/outside", folder);
    listener_fd = socket(AF_INET, SOCK_STREAM, 0);
    datagram_fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    int abstract_fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    return mkdir(data, 0700) || open_below(folder, "outside", O_WRONLY | O_CREAT) ||
           open_below(data, "inside", O_WRONLY | O_CREAT) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) ||
           bind(abstract_fd, (struct sockaddr *)&abstract_at,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 20)) ||
           bind(listener_fd, (struct sockaddr *)&any, sizeof any) || listen(listener_fd, 8) ||
           getsockname(listener_fd, (struct sockaddr *)&listener_at, &len);
}

static int tear_down(void **state)
{
    const char *const names[] = {"data/inside", "data/made", "data", "outside", "new", "moved"};
    char path[160];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)remove(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_daemon_goes_on),
        cmocka_unit_test(test_attempts_are_real),
        cmocka_unit_test(test_rights),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_files_beside_the_filter),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_other_processes),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_calls_on_older_threads),
        cmocka_unit_test(test_what_the_c_library_needs),
        cmocka_unit_test(test_report_names_the_call),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
