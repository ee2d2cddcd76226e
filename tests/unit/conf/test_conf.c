/* The configuration: values, complaints with their lines, printing and reading again, the example and the manual page.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "conf/set.h"

static char path[64];
static struct conf conf, defaults, again;
static char said[20000]; /* what was complained about */

static int set_up(void **state)
{
    int fd;
    (void)state;
    snprintf(path, sizeof path, "/tmp/relief-conf-XXXXXX");
    fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    conf_init(&defaults, NULL);
    conf_init(&conf, NULL);
    said[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

static void report(void *context, enum conf_level level, const char *file, unsigned line, const char *text)
{
    size_t len = strlen(said);
    assert_null(context);
    assert_string_equal(file, path);
    snprintf(said + len, sizeof said - len, "%u %s: %s\n", line, level == CONF_ERROR ? "error" : "warning", text);
}

static void write_bytes(const char *text, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static int load(const char *text)
{
    write_bytes(text, strlen(text));
    said[0] = '\0';
    return conf_load(&conf, path, report, NULL);
}

static void test_defaults(void **state)
{
    struct conf other;
    (void)state;
    assert_int_equal(conf.listen_address.count, 1);
    assert_string_equal(conf.listen_address.rows[0].address, "unix:/run/reliefd/reliefd.sock");
    assert_false(conf.listen_address.rows[0].has_identity);
    assert_string_equal(conf.data_dir, "/var/lib/reliefd");
    assert_int_equal(conf.data_segment_mib, 64);
    assert_int_equal(conf.limits_connections, 1024);
    assert_int_equal(conf.limits_connections_per_address, 64);
    assert_int_equal(conf.sandbox_landlock, CONF_ON);
    assert_int_equal(conf.sandbox_seccomp, CONF_ON);
    assert_int_equal(conf.identity_user.count, 0);
    conf_init(&other, "/tmp/x.sock");
    assert_string_equal(other.listen_address.rows[0].address, "unix:/tmp/x.sock");
    assert_int_equal(load(""), 0);
    assert_memory_equal(&conf, &defaults, sizeof conf);
    assert_string_equal(said, "");
}

static const struct conf_identity *identity_of(uid_t uid, gid_t gid)
{
    return conf_identity_of(&conf, uid, &gid, 1);
}

static const char everything[] = "\xef\xbb\xbf; a comment\n"
                                 "[listen]\r\n"
                                 "address = unix:/tmp/a.sock ; the people\n"
                                 "  address=tcp:127.0.0.1:7470,as=local\n"
                                 "address = tcp:[::1]:0,as=city:420100\n"
                                 "address = tcp:0.0.0.0:7470\n"
                                 "\n"
                                 "[data]\n"
                                 "# another\n"
                                 "dir = /srv/relief data\n"
                                 "segment_mib = 1\n"
                                 "[evidence]\n"
                                 "origin = relief.example/hubei\n"
                                 "[witness]\n"
                                 "key = witness.example/one+55da798a+BMhTrQ8M0rYZrqks7sT9VqJNZJnVhM55JX5Fz9gTm2Cn\n"
                                 "key = witness.example/two+a13ad157+BLX5AJUxjz8ETNjkC1hCU9hnd75ivwciEzTl/SGZz6f3\n"
                                 "[limits]\n"
                                 "connections = 16384\n"
                                 "connections_per_address = 3\n"
                                 "[tls]\n"
                                 "certificate = /etc/relief/a=b:c.crt\n"
                                 "key = /etc/relief/server.key\n"
                                 "authority.city:420100 = /etc/relief/a=b:c.crt ; a comment\n"
                                 "authority.city:a:b=/etc/relief/two.crt\n"
                                 "  authority.coordinator = /etc/relief/=.crt\n"
                                 "authority.coordinator:hubei\t=\t/etc/relief/hubei.crt\n"
                                 "authority.auditor = /etc/relief/=.crt\n"
                                 "revoked = /etc/relief/revoked.pem\n"
                                 "[identity]\n"
                                 "tokens = /etc/relief/tokens\n"
                                 "user.root = city:420100\n"
                                 "user.4000000000 = coordinator\n"
                                 "group.0 = coordinator:hubei\n"
                                 "group.77 = auditor\n"
                                 "group.78 = operator\n"
                                 "[sandbox]\n"
                                 "landlock = off\n"
                                 "seccomp = report\n"
                                 "[limits]\n";

static void test_everything(void **state)
{
    (void)state;
    assert_int_equal(load(everything), 0);
    assert_string_equal(said, "");
    assert_int_equal(conf.listen_address.count, 4);
    assert_string_equal(conf.listen_address.rows[0].address, "unix:/tmp/a.sock");
    assert_string_equal(conf.listen_address.rows[1].address, "tcp:127.0.0.1:7470");
    assert_true(conf.listen_address.rows[1].has_identity);
    assert_int_equal(conf.listen_address.rows[1].as.role, RELIEF_role_local);
    assert_int_equal(conf.listen_address.rows[2].as.role, RELIEF_role_city);
    assert_string_equal(conf.listen_address.rows[2].as.place, "420100");
    assert_false(conf.listen_address.rows[3].has_identity);
    assert_string_equal(conf.data_dir, "/srv/relief data");
    assert_int_equal(conf.data_segment_mib, 1);
    assert_string_equal(conf.evidence_origin, "relief.example/hubei");
    assert_int_equal(conf.witness_key.count, 2);
    assert_string_equal(conf.witness_key.rows[1].name, "witness.example/two");
    assert_int_equal(conf.limits_connections, 16384);
    assert_int_equal(conf.limits_connections_per_address, 3);
    assert_string_equal(conf.tls_certificate, "/etc/relief/a=b:c.crt");
    assert_int_equal(conf.tls_authority.count, 5);
    assert_int_equal(conf.tls_authority.rows[0].scope.role, RELIEF_role_city);
    assert_string_equal(conf.tls_authority.rows[0].scope.place, "420100");
    assert_string_equal(conf.tls_authority.rows[0].file, "/etc/relief/a=b:c.crt");
    assert_string_equal(conf.tls_authority.rows[1].scope.place, "a:b");
    assert_int_equal(conf.tls_authority.rows[2].scope.role, RELIEF_role_coordinator);
    assert_string_equal(conf.tls_authority.rows[2].scope.place, "");
    assert_string_equal(conf.tls_authority.rows[2].file, "/etc/relief/=.crt");
    assert_string_equal(conf.tls_authority.rows[3].scope.place, "hubei");
    assert_string_equal(conf.tls_authority.rows[3].file, "/etc/relief/hubei.crt");
    assert_int_equal(conf.tls_authority.rows[4].scope.role, RELIEF_role_auditor);
    assert_int_equal(conf.sandbox_landlock, CONF_OFF);
    assert_int_equal(conf.sandbox_seccomp, CONF_REPORT);
    assert_int_equal(identity_of(0, 77)->role, RELIEF_role_city); /* the user goes before the group */
    assert_int_equal(identity_of(4000000000u, 5)->role, RELIEF_role_coordinator);
    assert_string_equal(identity_of(5, 0)->place, "hubei");
    assert_int_equal(identity_of(5, 77)->role, RELIEF_role_auditor);
    assert_int_equal(identity_of(5, 78)->role, RELIEF_role_operator);
    assert_null(identity_of(77, 5));
    /* Of several groups the first row that fits. */
    assert_int_equal(conf_identity_of(&conf, 5, (const gid_t[]){1, 78, 77}, 3)->role, RELIEF_role_auditor);
    assert_null(conf_identity_of(&conf, 5, NULL, 0));
}

/* Reads what conf_print made of conf into `again`. */
static void print_and_read(void)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    conf_print(&conf, file);
    assert_int_equal(fclose(file), 0);
    conf_init(&again, NULL);
    said[0] = '\0';
    if (conf_load(&again, path, report, NULL) != 0)
        fail_msg("%s", said);
    assert_memory_equal(&again, &conf, sizeof conf);
}

static void test_print_reads_again(void **state)
{
    char line[260];
    (void)state;
    print_and_read();
    assert_int_equal(load(everything), 0);
    print_and_read();
    /* The longest line there can be. */
    snprintf(line, sizeof line, "[data]\ndir=/%0193d\n", 0);
    assert_int_equal(load(line), 0);
    assert_int_equal(strlen(conf.data_dir), 194);
    print_and_read();
}

/* Every problem is named with its line, and says what would be right; conf stays as it was. */
static void test_complaints(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"address = unix:/x\n", "1 error: 'address' stands before any [section]\n"},
        {"[lisen]\naddress = unix:/x\n", "1 error: unknown section [lisen]; there are: [listen], [data], [evidence], "
                                         "[witness], [limits], [tls], [identity], [sandbox]\n"},
        {"[listen\n", "1 error: the ']' is missing\n"},
        {"[data]\n\nfolder = /x\n", "3 error: unknown option 'folder' in [data]; there are: dir, segment_mib\n"},
        {"[identity]\nroot = local\n",
         "2 error: unknown option 'root' in [identity]; there are: tokens, user.NAME, group.NAME\n"},
        {"[identity]\nuser = local\n",
         "2 error: unknown option 'user' in [identity]; there are: tokens, user.NAME, group.NAME\n"},
        {"[identity]\nuser. = local\n", "2 error: a user has a name of 1 to 63 bytes\n"},
        {"[data]\ndir\n", "2 error: this is neither a [section] nor NAME = VALUE\n"},
        {"[data]\ndir", "2 error: this is neither a [section] nor NAME = VALUE\n"},
        {"[data]\ndir = data\n", "2 error: 'data' for dir is no absolute path\n"},
        {"[data]\ndir =\n", "2 error: '' for dir is no absolute path\n"},
        {"[data]\ndir = /a\n  dir = /b\n", "3 error: dir is given twice\n"},
        {"[limits]\nconnections = 0\n", "2 error: '0' for connections is no number from 1 to 16384\n"},
        {"[limits]\nconnections = 16385\n", "2 error: '16385' for connections is no number from 1 to 16384\n"},
        {"[limits]\nconnections = 99999999999999999999\n",
         "2 error: '99999999999999999999' for connections is no number from 1 to 16384\n"},
        {"[limits]\nconnections = 10x\n", "2 error: '10x' for connections is no number from 1 to 16384\n"},
        {"[limits]\nconnections = -1\n", "2 error: '-1' for connections is no number from 1 to 16384\n"},
        {"[listen]\naddress = 7470\n",
         "2 error: '7470' for address: an address is unix:PATH, tcp:HOST:PORT or tls:HOST:PORT\n"},
        {"[listen]\naddress = tcp:0.0.0.0:7470,as=local\n",
         "2 error: 'tcp:0.0.0.0:7470,as=local' for address: as= is allowed on a loopback TCP address only\n"},
        {"[listen]\naddress = unix:/x,as=local\n",
         "2 error: 'unix:/x,as=local' for address: as= is allowed on a loopback TCP address only\n"},
        {"[listen]\naddress = tls:127.0.0.1:1,as=local\n",
         "2 error: 'tls:127.0.0.1:1,as=local' for address: as= is allowed on a loopback TCP address only\n"},
        {"[listen]\naddress = tcp:127.0.0.1:1,as=boss\n",
         "2 error: 'tcp:127.0.0.1:1,as=boss' for address: an identity is local, city:CITY, coordinator, "
         "coordinator:REGION, auditor or operator\n"},
        {"[listen]\naddress = unix:/x\naddress = unix:/x\n", "3 error: unix:/x is listed twice\n"},
        {"[identity]\nuser.root = city\n", "2 error: 'city' for user.root: the role city needs its city: city:CITY\n"},
        {"[identity]\nuser.root = auditor:x\n",
         "2 error: 'auditor:x' for user.root: only the roles city and coordinator are followed by ':' and a place\n"},
        {"[identity]\nuser.root = city:a/b\n",
         "2 error: 'city:a/b' for user.root: a city or region is 1 to 64 bytes of letters, digits and . _ : -\n"},
        {"[identity]\nuser.root = coordinator:\n",
         "2 error: 'coordinator:' for user.root: a city or region is 1 to 64 bytes of letters, digits and . _ : -\n"},
        {"[identity]\nuser.root = local\nuser.0 = auditor\n", "3 error: the user 0 is listed twice\n"},
        {"[tls]\nkey = server.key\n", "2 error: 'server.key' for key is no absolute path\n"},
        {"[tls]\nauthority = /x\n",
         "2 error: unknown option 'authority' in [tls]; there are: certificate, key, authority.SCOPE, revoked\n"},
        {"[tls]\nauthority.city:1 = x\n", "2 error: 'x' for authority.city:1 is no absolute path\n"},
        {"[tls]\nauthority.city:1\n", "2 error: this is not authority.SCOPE = FILE\n"},
        {"[tls]\nauthority.city = /x\n",
         "2 error: 'city' in authority.SCOPE: the role city needs its city: city:CITY\n"},
        {"[tls]\nauthority.auditor:1 = /x\n", "2 error: 'auditor:1' in authority.SCOPE: only the roles city and "
                                              "coordinator are followed by ':' and a place\n"},
        {"[tls]\nauthority.local = /x\n", "2 error: no authority vouches for local; that is who is on this machine\n"},
        {"[tls]\nauthority.city:1 = /x\nauthority.city:1 = /y\nauthority.city:1 = /x\n",
         "4 error: the authority city:1 is listed twice with this file\n"},
        {"[evidence]\norigin =\n",
         "2 error: '' for origin is no name of 1 to 128 bytes of printable ASCII without space and '+'\n"},
        {"[evidence]\norigin = a b\n",
         "2 error: 'a b' for origin is no name of 1 to 128 bytes of printable ASCII without space and '+'\n"},
        {"[evidence]\norigin = a\norigin = b\n", "3 error: origin is given twice\n"},
        {"[witness]\nkey = w+00000000+AAAA\n",
         "2 error: 'w+00000000+AAAA' for key is no verifier key, NAME+HASH+KEY, or was mistyped\n"},
        {"[sandbox]\nseccomp = yes\n", "2 error: 'yes' for seccomp is neither on nor off, nor report\n"},
        {"[sandbox]\nlandlock = report\n", "2 error: 'report' for landlock is neither on nor off\n"},
        {"[witness]\nkey = log.example+f8b01728+AchTrQ8M0rYZrqks7sT9VqJNZJnVhM55JX5Fz9gTm2Cn\n",
         "2 error: the key of log.example is not one for cosignatures\n"},
        {"[witness]\nkey = witness.example/one+55da798a+BMhTrQ8M0rYZrqks7sT9VqJNZJnVhM55JX5Fz9gTm2Cn\nkey = "
         "witness.example/one+55da798a+BMhTrQ8M0rYZrqks7sT9VqJNZJnVhM55JX5Fz9gTm2Cn\n",
         "3 error: the key of witness.example/one is listed twice\n"},
        {"[data]\ndir = /a\x01\n", "2 error: the line holds a control character\n"},
        {"x\n[data]\nsegment_mib = 0\ny = 1\n[nope]\n",
         "1 error: this is neither a [section] nor NAME = VALUE\n"
         "3 error: '0' for segment_mib is no number from 1 to 1024\n"
         "4 error: unknown option 'y' in [data]; there are: dir, segment_mib\n"
         "5 error: unknown section [nope]; there are: [listen], [data], [evidence], [witness], [limits], [tls], "
         "[identity], "
         "[sandbox]\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(load(rows[i].text), -EINVAL);
        assert_string_equal(said, rows[i].says);
        assert_memory_equal(&conf, &defaults, sizeof conf);
    }
}

static void test_unknown_user_is_a_warning(void **state)
{
    (void)state;
    assert_int_equal(load("[identity]\nuser.no-such-user-here = local\ngroup.no-such-group-here = local\n"), 0);
    assert_string_equal(said, "2 warning: this machine has no user 'no-such-user-here'; the line has no effect\n"
                              "3 warning: this machine has no group 'no-such-group-here'; the line has no effect\n");
    assert_null(identity_of((uid_t)-1, (gid_t)-1)); /* and it matches nobody */
    assert_int_equal(conf.identity_user.count, 1);
}

static void test_long_lines(void **state)
{
    char text[600];
    (void)state;
    snprintf(text, sizeof text, "[data]\n# %0300d\ndir = /%0200d\nsegment_mib = 2\n", 0, 0);
    assert_int_equal(load(text), -EINVAL);
    assert_string_equal(said,
                        "2 error: the line is longer than 198 bytes\n3 error: the line is longer than 198 bytes\n");
    write_bytes("[data]\ndir = /a\0b\n", 18);
    said[0] = '\0';
    assert_int_equal(conf_load(&conf, path, report, NULL), -EINVAL);
    assert_string_equal(said, "2 error: the line holds a NUL byte\n");
}

static void test_too_many_rows(void **state)
{
    static char text[20000];
    size_t len = 0;
    (void)state;
    len += (size_t)snprintf(text, sizeof text, "[listen]\n");
    for (int i = 0; i < 33; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "address = unix:/tmp/%d\n", i);
    assert_int_equal(load(text), -EINVAL);
    assert_string_equal(said, "34 error: there may be at most 32 of address\n");
    len = (size_t)snprintf(text, sizeof text, "[identity]\n");
    for (int i = 0; i < 257; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "group.%d = auditor\n", i);
    assert_int_equal(load(text), -EINVAL);
    assert_string_equal(said, "258 error: there may be at most 256 of group.NAME\n");
}

static void test_file_that_cannot_be_read(void **state)
{
    char keep[sizeof path];
    (void)state;
    memcpy(keep, path, sizeof path);
    memcpy(path, "/tmp", 5);
    assert_int_equal(conf_load(&conf, path, report, NULL), -EINVAL);
    assert_string_equal(said, "0 error: this is no file\n");
    said[0] = '\0';
    memcpy(path, "/tmp/relief/none", 17);
    assert_int_equal(conf_load(&conf, path, report, NULL), -ENOENT);
    assert_string_equal(said, "0 error: No such file or directory\n");
    memcpy(path, keep, sizeof path);
    assert_memory_equal(&conf, &defaults, sizeof conf);
}

/* Nothing that has a reader wait for somebody: one that waits here would keep everybody waiting. */
static void test_what_is_no_file(void **state)
{
    (void)state;
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(60); /* for the reader that does wait */
    assert_int_equal(conf_load(&conf, path, report, NULL), -EINVAL);
    alarm(0);
    assert_string_equal(said, "0 error: this is no file\n");
    assert_int_equal(conf_load(&conf, "/dev/zero", conf_report_print, stderr), -EINVAL);
    assert_int_equal(conf_load(&conf, "/dev/null", conf_report_print, stderr), 0);
    assert_memory_equal(&conf, &defaults, sizeof conf);
}

static void test_report_print(void **state)
{
    char text[200] = "";
    FILE *file = fmemopen(text, sizeof text, "w");
    (void)state;
    conf_report_print(file, CONF_ERROR, "a.conf", 3, "no");
    conf_report_print(file, CONF_WARNING, "a.conf", 0, "hm");
    fclose(file);
    assert_string_equal(text, "a.conf:3: error: no\na.conf: warning: hm\n");
}

static void test_listen_option(void **state)
{
    struct conf_listen listen;
    char text[CONF_IDENTITY_BYTES];
    const char *why = NULL;
    (void)state;
    assert_int_equal(conf_listen_parse("tcp:localhost:7470,as=coordinator:hubei", &listen, &why), 0);
    assert_string_equal(listen.address, "tcp:localhost:7470");
    conf_identity_text(&listen.as, text);
    assert_string_equal(text, "coordinator:hubei");
    assert_int_equal(conf_listen_parse("tcp:127.0.0.1:7470,as=", &listen, &why), -EINVAL);
    assert_int_equal(conf_listen_parse("tcp:127.0.0.1:7470,to=local", &listen, &why), -EINVAL);
    assert_int_equal(conf_listen_parse("tcp:10.0.0.1:7470,as=local", &listen, &why), -EINVAL);
    assert_int_equal(conf_listen_parse("tcp:[::]:7470,as=auditor", &listen, &why), -EINVAL);
    assert_int_equal(conf_listen_parse("tcp:127.0.0.1:7470,as=local:x", &listen, &why), -EINVAL);
    assert_int_equal(conf_listen_parse("", &listen, &why), -EINVAL);
}

/* The example parses, shows the defaults, and every option stands in it. Its commented lines parse too. */
static void test_example(void **state)
{
    static char text[10000];
    char keep[sizeof path];
    FILE *file = fopen(RELIEF_SOURCE_DIR "/ops/reliefd.conf.example", "r");
    size_t len;
    (void)state;
    assert_non_null(file);
    len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    assert_int_equal(load(text), 0);
    assert_string_equal(said, "");
    assert_memory_equal(&conf, &defaults, sizeof conf);
    for (unsigned i = 0; i < RELIEF_CONFIG_COUNT; i++) {
        snprintf(keep, sizeof keep, "%s%s", conf_options[i].name, conf_has_who(&conf_options[i]) ? "." : " = ");
        assert_non_null(strstr(text, keep));
    }
    for (char *at = text; (at = strchr(at, '\n')); at++) {
        if (at[1] == '#' && at[2] != ' ')
            at[1] = ' ';
    }
    if (load(text) != 0)
        fail_msg("%s", said);
    assert_int_equal(conf.listen_address.count, 4);
    assert_int_equal(conf.tls_authority.count, 2);
    assert_int_equal(conf.identity_user.count, 2);
    assert_int_equal(conf.identity_group.count, 1);
}

static void add_line(void *context, const char *path_of_file)
{
    size_t len = strlen(said);
    assert_null(context);
    snprintf(said + len, sizeof said - len, "%s\n", path_of_file);
}

static void test_files_of_a_reload(void **state)
{
    (void)state;
    said[0] = '\0';
    conf_files(&defaults, add_line, NULL);
    assert_string_equal(said, "");
    assert_int_equal(load(everything), 0);
    conf_files(&conf, add_line, NULL);
    assert_string_equal(said, "/etc/relief/a=b:c.crt\n/etc/relief/server.key\n/etc/relief/revoked.pem\n"
                              "/etc/relief/tokens\n"
                              "/etc/relief/a=b:c.crt\n/etc/relief/two.crt\n/etc/relief/=.crt\n/etc/relief/hubei.crt\n"
                              "/etc/relief/=.crt\n");
}

static void test_what_takes_a_restart(void **state)
{
    char changed[200], small[20];
    (void)state;
    assert_int_equal(load(everything), 0);
    conf_restart(&conf, &conf, changed, sizeof changed);
    assert_string_equal(changed, "");
    again = conf;
    again.tls_authority.count = 0;
    again.tls_key[0] = again.identity_tokens[0] = '\0';
    conf_restart(&conf, &again, changed, sizeof changed);
    assert_string_equal(changed, "");
    again.limits_connections++;
    again.identity_group.count--;
    again.listen_address.rows[1].as.role = RELIEF_role_auditor;
    conf_restart(&conf, &again, changed, sizeof changed);
    assert_string_equal(changed, "listen.address, limits.connections, identity.group");
    conf_restart(&conf, &again, small, sizeof small);
    assert_string_equal(small, "listen.address, lim");
}

/* Every option has its entry in the manual page, in its section, with its default and range; the page names no other.
 */
static void test_manual_page(void **state)
{
    char line[300], section[60] = "", name[60];
    bool seen[RELIEF_CONFIG_COUNT] = {false};
    unsigned entries = 0;
    FILE *file = fopen(RELIEF_SOURCE_DIR "/daemon/conf/reliefd.conf.5", "r");
    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, ".Ss Section %59s", section) == 1 || sscanf(line, ".It Ic %59s", name) != 1)
            continue;
        entries++;
        for (unsigned i = 0; i < RELIEF_CONFIG_COUNT; i++) {
            if (strcmp(conf_options[i].section, section) == 0 && strcmp(conf_options[i].name, name) == 0)
                seen[i] = true;
        }
    }
    assert_int_equal(entries, RELIEF_CONFIG_COUNT);
    for (unsigned i = 0; i < RELIEF_CONFIG_COUNT; i++) {
        bool range = false, initial = false;
        char words[40];
        if (!seen[i])
            fail_msg("reliefd.conf.5 lacks %s in section %s", conf_options[i].name, conf_options[i].section);
        if (conf_options[i].type != CONF_NUMBER)
            continue;
        rewind(file);
        snprintf(words, sizeof words, ".It Ic %s\n", conf_options[i].name);
        while (fgets(line, sizeof line, file) && strcmp(line, words) != 0)
            continue;
        snprintf(words, sizeof words, "%lld to %lld", (long long)conf_options[i].min, (long long)conf_options[i].max);
        snprintf(name, sizeof name, "The default is %s.\n", conf_options[i].initial);
        while (fgets(line, sizeof line, file) && strncmp(line, ".It", 3) != 0) {
            range = range || strstr(line, words);
            initial = initial || strcmp(line, name) == 0;
        }
        if (!range || !initial)
            fail_msg("reliefd.conf.5: range or default of %s", conf_options[i].name);
    }
    fclose(file);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),
        TEST(test_everything),
        TEST(test_print_reads_again),
        TEST(test_complaints),
        TEST(test_unknown_user_is_a_warning),
        TEST(test_long_lines),
        TEST(test_too_many_rows),
        TEST(test_file_that_cannot_be_read),
        TEST(test_what_is_no_file),
        TEST(test_report_print),
        TEST(test_listen_option),
        TEST(test_files_of_a_reload),
        TEST(test_what_takes_a_restart),
        TEST(test_example),
        TEST(test_manual_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
