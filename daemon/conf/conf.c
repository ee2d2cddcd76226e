/*
 * Reads the configuration file with inih. inih says neither the line of an option nor all that is wrong, cuts lines at
 * 200 bytes, and takes an indented line as more of the one before. So it gets its lines from a reader of ours, which
 * counts them, checks what inih would pass over in silence, and hands over only lines that inih reads as they stand.
 */
#include "conf/set.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES_MAX 198u    /* inih's buffer of 200 holds the line feed and the NUL too */
#define LINES_MAX      100000u /* a file that grows while it is read is no configuration */

struct reading {
    struct conf *conf;
    const char *path;
    conf_report *report;
    void *context;
    FILE *file;
    char *line;       /* getline's */
    const char *text; /* what inih has of it */
    size_t line_cap;
    unsigned number;
    bool expect_option, saw_option;  /* of this line */
    bool given[RELIEF_CONFIG_COUNT]; /* options that stood in this file */
    bool failed;
    int err;
};

void conf_report_print(void *context, enum conf_level level, const char *file, unsigned line, const char *text)
{
    const char *word = level == CONF_ERROR ? "error" : "warning";
    if (line)
        fprintf(context, "%s:%u: %s: %s\n", file, line, word, text);
    else
        fprintf(context, "%s: %s: %s\n", file, word, text);
}

__attribute__((format(printf, 2, 3))) static void complain(struct reading *reading, const char *format, ...)
{
    char text[CONF_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    reading->failed = true;
    reading->report(reading->context, CONF_ERROR, reading->path, reading->number, text);
}

/* Cuts blanks at both ends; returns the new beginning. */
static char *trim(char *line)
{
    size_t len;
    while (isspace((unsigned char)*line))
        line++;
    len = strlen(line);
    while (len > 0 && isspace((unsigned char)line[len - 1]))
        line[--len] = '\0';
    return line;
}

static void check_section(struct reading *reading, const char *line)
{
    char name[60], sections[200];
    const char *end = strchr(line, ']');
    if (!end) {
        complain(reading, "the ']' is missing");
        return;
    }
    snprintf(name, sizeof name, "%.*s", (int)(end - line - 1), line + 1);
    conf_list_sections(sections, sizeof sections);
    if (!conf_section_known(name))
        complain(reading, "unknown section [%s]; there are: %s", name, sections);
}

/* True when inih may have it. */
static bool check_line(struct reading *reading, const char *line)
{
    for (const char *at = line; *at; at++) {
        if (iscntrl((unsigned char)*at) && *at != '\t') {
            complain(reading, "the line holds a control character");
            return false;
        }
    }
    if (strlen(line) > LINE_BYTES_MAX) {
        complain(reading, "the line is longer than %u bytes", LINE_BYTES_MAX);
        return false;
    }
    if (line[0] == '[')
        check_section(reading, line);
    else if (line[0] != '\0' && line[0] != '#' && line[0] != ';')
        reading->expect_option = true;
    return true;
}

static void end_line(struct reading *reading)
{
    if (reading->expect_option && !reading->saw_option)
        complain(reading, "this is neither a [section] nor NAME = VALUE");
    reading->expect_option = reading->saw_option = false;
}

/* What inih calls for a line, as it would call fgets. */
static char *next_line(char *to, int size, void *arg)
{
    struct reading *reading = arg;
    ssize_t len;
    char *line;
    end_line(reading);
    errno = 0;
    len = getline(&reading->line, &reading->line_cap, reading->file);
    if (len < 0) {
        if (ferror(reading->file) || errno == ENOMEM)
            reading->err = errno ? -errno : -EIO;
        return NULL;
    }
    if (++reading->number > LINES_MAX) {
        complain(reading, "the file has more than %u lines", LINES_MAX);
        return NULL;
    }
    line = reading->line;
    if (strlen(line) != (size_t)len) {
        complain(reading, "the line holds a NUL byte");
        line = "";
    } else {
        if (reading->number == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0) /* a byte order mark */
            line += 3;
        line = trim(line);
        if (!check_line(reading, line))
            line = "";
    }
    reading->text = line;
    snprintf(to, (size_t)size, "%s\n", line);
    return to;
}

/*
 * inih takes the first of '=' and ':' for the end of a name, and a scope holds a ':'. Where it was that, the scope goes
 * on in value up to the '='. False: it has none.
 */
static bool join_scope(const struct reading *reading, const char **who, const char **value, char *ret, size_t size)
{
    const char *equals = strchr(*value, '=');
    size_t len;
    if (reading->text[strcspn(reading->text, "=:")] != ':')
        return true;
    if (!equals)
        return false;
    for (len = (size_t)(equals - *value); len > 0 && isspace((unsigned char)(*value)[len - 1]); len--)
        continue;
    snprintf(ret, size, "%s:%.*s", *who, (int)len, *value);
    for (equals++; isspace((unsigned char)*equals); equals++)
        continue;
    *who = ret;
    *value = equals;
    return true;
}

static int on_option(void *arg, const char *section, const char *name, const char *value)
{
    struct reading *reading = arg;
    struct conf_problem problem = {0};
    const char *who;
    char scope[LINE_BYTES_MAX + 2];
    int index;
    reading->saw_option = true;
    if (section[0] == '\0') {
        complain(reading, "'%.60s' stands before any [section]", name);
        return 1;
    }
    if (!conf_section_known(section))
        return 1; /* complained about at its head */
    index = conf_find(section, name, &who, &problem);
    if (index >= 0 && conf_options[index].type == CONF_AUTHORITY &&
        !join_scope(reading, &who, &value, scope, sizeof scope)) {
        complain(reading, "this is not %s.SCOPE = FILE", conf_options[index].name);
        return 1;
    }
    if (index >= 0) {
        conf_set(reading->conf, &conf_options[index], who, value, reading->given[index], &problem);
        reading->given[index] = true;
    }
    if (problem.text[0] && problem.warning)
        reading->report(reading->context, CONF_WARNING, reading->path, reading->number, problem.text);
    else if (problem.text[0])
        complain(reading, "%s", problem.text);
    return 1;
}

void conf_init(struct conf *conf, const char *socket)
{
    struct conf_problem problem;
    char address[ADDR_TEXT_BYTES];
    memset(conf, 0, sizeof *conf);
    for (unsigned i = 0; i < RELIEF_CONFIG_COUNT; i++) {
        problem.text[0] = '\0';
        if (conf_options[i].initial[0])
            conf_set(conf, &conf_options[i], NULL, conf_options[i].initial, false, &problem);
    }
    if (socket) {
        struct conf_listen listen;
        snprintf(address, sizeof address, "unix:%s", socket);
        /* A path that is no address stays as it is: listening on it will say so. */
        if (conf_listen_parse(address, &listen, NULL) != 0) {
            listen = (struct conf_listen){0};
            memcpy(listen.address, address, sizeof address);
        }
        conf->listen_address.rows[0] = listen;
    }
}

static bool is_null(const struct stat *status)
{
    struct stat null;
    return S_ISCHR(status->st_mode) && stat("/dev/null", &null) == 0 && null.st_rdev == status->st_rdev;
}

/* A file or /dev/null, and nothing that makes its reader wait: a reload happens between the requests of everybody. */
static FILE *open_file(const char *path, const char **ret_why)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    FILE *file = NULL;
    *ret_why = NULL;
    if (fd >= 0 && fstat(fd, &status) == 0) {
        if (S_ISREG(status.st_mode) || is_null(&status))
            file = fdopen(fd, "r");
        else
            errno = EINVAL, *ret_why = "this is no file";
    }
    if (!file) {
        int err = errno;
        *ret_why = *ret_why ? *ret_why : strerror(err);
        if (fd >= 0)
            close(fd);
        errno = err;
    }
    return file;
}

int conf_load(struct conf *conf, const char *path, conf_report *report, void *context)
{
    struct reading reading = {.path = path, .report = report, .context = context};
    int err = 0;
    reading.conf = malloc(sizeof *conf);
    const char *why = strerror(ENOMEM);
    errno = ENOMEM;
    reading.file = reading.conf ? open_file(path, &why) : NULL;
    if (!reading.file) {
        err = -errno;
        complain(&reading, "%s", why);
        goto out;
    }
    memcpy(reading.conf, conf, sizeof *conf);
    ini_parse_stream(next_line, &reading, on_option, &reading);
    if (reading.err) {
        reading.number = 0;
        complain(&reading, "%s", strerror(-reading.err));
    }
    err = reading.err ? reading.err : reading.failed ? -EINVAL : 0;
    if (!err)
        memcpy(conf, reading.conf, sizeof *conf);
out:
    if (reading.file)
        fclose(reading.file);
    free(reading.line);
    free(reading.conf);
    return err;
}
