/*
 * Runs a fuzz target over the files and folders that are named, once each, and over no bytes at all. So the seeds and
 * every input that ever broke something are tests in ordinary builds, without libFuzzer. A fault ends the program as it
 * would there.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_BYTES_MAX (4l * 1024 * 1024) /* four times the largest frame */

static int run_file(const char *name)
{
    FILE *file = fopen(name, "rb");
    if (!file) {
        perror(name);
        return 1;
    }
    int result = 1;
    uint8_t *data = NULL;
    long size;
    if (fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0 || size > INPUT_BYTES_MAX ||
        fseek(file, 0, SEEK_SET) != 0)
        goto out;
    data = malloc((size_t)size + 1); /* its own allocation, so that a sanitizer sees a byte read too many */
    if (!data || fread(data, 1, (size_t)size, file) != (size_t)size)
        goto out;
    LLVMFuzzerTestOneInput(data, (size_t)size);
    result = 0;
out:
    if (result)
        fprintf(stderr, "%s: can't be read\n", name);
    free(data);
    fclose(file);
    return result;
}

static int run_folder(const char *name, unsigned *count)
{
    DIR *folder = opendir(name);
    if (!folder) {
        perror(name);
        return 1;
    }
    int result = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] == '.')
            continue;
        char path[4096];
        if (snprintf(path, sizeof path, "%s/%s", name, entry->d_name) >= (int)sizeof path)
            result = 1;
        else
            result |= run_file(path);
        ++*count;
    }
    closedir(folder);
    return result;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    int result = 0;
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        struct stat about;
        if (stat(argv[i], &about) == 0 && !S_ISDIR(about.st_mode)) {
            result |= run_file(argv[i]);
            count++;
        } else {
            result |= run_folder(argv[i], &count);
        }
    }
    printf("%u inputs\n", count);
    return result || count == 0;
}
