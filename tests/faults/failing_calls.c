/* Calls of the system that fail as those of a network file system do: preloaded into a process by a test.

   FAIL_CALL: which call, FAIL_WITH: its errno, or 0 for a write of one byte, FAIL_IN: the folder whose files are
   meant, FAIL_NAME: a part of their names, FAIL_FROM: the first call that fails, FAIL_COUNT: how many do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int seen = 0;

static int fails(const char *call, const char *path) {
    const char *wanted = getenv("FAIL_CALL"), *in = getenv("FAIL_IN"), *name = getenv("FAIL_NAME");
    if (!wanted || strcmp(wanted, call) || !path || strncmp(path, in, strlen(in)) || !strstr(path, name))
        return 0;
    int first = atoi(getenv("FAIL_FROM")), number = seen++;
    return number >= first && number < first + atoi(getenv("FAIL_COUNT"));
}

static const char *path_of(int fd, char *place, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, place, size - 1);
    if (length < 0) return NULL;
    place[length] = 0;
    return place;
}

#define REAL(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))
#define WITH (atoi(getenv("FAIL_WITH")))

ssize_t write(int fd, const void *data, size_t size) {
    char place[4096];
    int saved = errno;
    if (getenv("FAIL_CALL") && fails("write", path_of(fd, place, sizeof place))) {
        if (WITH) { errno = WITH; return -1; }
        size = size > 1 ? 1 : size;
    }
    errno = saved;
    return REAL(ssize_t, write, int, const void *, size_t)(fd, data, size);
}

int fsync(int fd) {
    char place[4096];
    if (fails("fsync", path_of(fd, place, sizeof place))) { errno = WITH; return -1; }
    return REAL(int, fsync, int)(fd);
}

int flock(int fd, int how) {
    char place[4096];
    if (fails("flock", path_of(fd, place, sizeof place))) { errno = WITH; return -1; }
    return REAL(int, flock, int, int)(fd, how);
}

int rename(const char *from, const char *to) {
    if (fails("rename", to)) { errno = WITH; return -1; }
    return REAL(int, rename, const char *, const char *)(from, to);
}

ssize_t read(int fd, void *data, size_t size) {
    char place[4096];
    int saved = errno;
    if (getenv("FAIL_CALL") && fails("read", path_of(fd, place, sizeof place))) { errno = WITH; return -1; }
    errno = saved;
    return REAL(ssize_t, read, int, void *, size_t)(fd, data, size);
}
