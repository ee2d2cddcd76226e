/*
 * A configuration file, as somebody may have written it. What is taken is printed as a file that is taken again without
 * a word and says the same; what is refused changes nothing, and is told of with a line that the file has.
 */
#include "conf/conf.h"
#include <errno.h>
#include <stdlib.h>
#include "fuzz.h"

struct told {
    unsigned errors, lines;
};

static void note(void *context, enum conf_level level, const char *file, unsigned line, const char *text)
{
    struct told *told = context;
    told->errors += level == CONF_ERROR;
    FUZZ_CHECK(line <= told->lines && file && text[0]);
}

static unsigned lines_of(const uint8_t *data, size_t size)
{
    unsigned lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    return lines;
}

static void check_printed(const struct conf *conf)
{
    static struct conf again;
    struct told told = {.lines = UINT32_MAX};
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    FUZZ_CHECK(to);
    conf_print(conf, to);
    FUZZ_CHECK(fclose(to) == 0);
    conf_init(&again, NULL);
    FUZZ_CHECK(conf_load(&again, fuzz_file("again", text, len), note, &told) == 0);
    FUZZ_CHECK(memcmp(&again, conf, sizeof again) == 0);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct conf conf, before;
    struct told told = {.lines = lines_of(data, size)};
    conf_init(&conf, NULL);
    memcpy(&before, &conf, sizeof conf);
    int result = conf_load(&conf, fuzz_file("conf", data, size), note, &told);
    FUZZ_CHECK(result == 0 || result == -EINVAL);
    FUZZ_CHECK((result == 0) == (told.errors == 0));
    if (result == 0)
        check_printed(&conf);
    else
        FUZZ_CHECK(memcmp(&before, &conf, sizeof conf) == 0);
    return 0;
}
