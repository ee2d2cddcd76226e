/* Runs `relief` with words, in this process, and keeps what it wrote. */
#pragma once

struct captured {
    int code;
    char *out, *err;
};

/* words end with NULL. Free with captured_free. */
struct captured capture(const char *const *words);
void captured_free(struct captured *captured);
/* A file in the test's own folder, made with this content; the path is static for some thirty commands. */
const char *test_file(const char *name, const char *content);
void test_files_remove(void);

#define RUN(...) capture((const char *const[]){__VA_ARGS__, NULL})

/* What a test ran last; check() looks for these texts, NULL for none, and frees it. */
extern struct captured run;
void check(int code, const char *out, const char *err);
