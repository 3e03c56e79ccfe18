#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>

#include "tollgate.h"

/* Does with files what the header `x-do` says, to the path of the request, and answers with what came of it. */

const char *const tollgate_manifest =
    "{ \"id\": \"reads-files\", \"version\": \"0.1.0\", \"summary\": \"Does with files what it is told.\","
    "  \"configuration\": { \"type\": \"object\", \"additionalProperties\": false,"
    "    \"properties\": { \"file\": { \"type\": \"string\" } } } }";

/* The first granted directory, as wasi-libc numbers it. */
enum { FIRST_GRANTED = 3, MOST = 10000 };

static char first_line[64];
static FILE *still_open;

bool tollgate_configure(tollgate_text configuration, tollgate_refusal *refusal) {
  tollgate_text file = tollgate_json_text(tollgate_json_member(configuration, tollgate_text_of("file")));
  if (!file.data) return true;
  still_open = fopen(file.data, "r");
  if (!still_open || !fgets(first_line, sizeof first_line, still_open)) {
    *refusal = (tollgate_refusal){.pointer = "/file", .message = strerror(errno)};
    return false;
  }
  return true;
}

static tollgate_verdict said(tollgate_text text) { return tollgate_reply(200, "text/plain", text); }

/* With the NUL that texts don't have. */
static const char *ended(tollgate_text text) { return tollgate_format("%.*s", (int)text.length, text.data).data; }

static tollgate_verdict failed(void) { return said(tollgate_format("error: %s", strerror(errno))); }

static tollgate_verdict read_whole(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) return failed();
  static char part[32768];
  size_t total = 0, read;
  char first[32] = "";
  while ((read = fread(part, 1, sizeof part, file)) > 0) {
    if (!total) snprintf(first, sizeof first, "%.*s", (int)read, part);
    total += read;
  }
  bool broke = ferror(file);
  fclose(file);
  return broke ? failed() : said(tollgate_format("%zu bytes: %s", total, first));
}

/* As many times as there is no end to it, and closes none. */
static tollgate_verdict open_many(const char *path) {
  int opened = 0;
  while (opened < MOST && open(path, O_RDONLY) >= 0) opened++;
  return said(tollgate_format("opened %d: %s", opened, strerror(errno)));
}

static tollgate_verdict open_and_close(const char *path) {
  for (int at = 0; at < MOST; at++) {
    int file = open(path, O_RDONLY);
    if (file < 0) return failed();
    close(file);
  }
  return said(tollgate_text_of("done"));
}

static tollgate_verdict list(const char *path) {
  DIR *directory = opendir(path);
  if (!directory) return failed();
  int entries = 0;
  char last[64] = "";
  for (struct dirent *entry; (entry = readdir(directory)); entries++) snprintf(last, sizeof last, "%s", entry->d_name);
  closedir(directory);
  return said(tollgate_format("%d entries, %s among them", entries, last));
}

/* Past wasi-libc, which reads paths itself. */
static tollgate_verdict open_as_it_is(const char *path, __wasi_oflags_t flags, __wasi_rights_t rights) {
  __wasi_fd_t file;
  __wasi_errno_t error =
      __wasi_path_open(FIRST_GRANTED, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, path, flags, rights, 0, 0, &file);
  errno = error;
  return error ? failed() : said(tollgate_text_of("opened"));
}

static tollgate_verdict changed(int result) { return result ? failed() : said(tollgate_text_of("changed")); }

static tollgate_verdict change(tollgate_text what, const char *path) {
  struct timespec times[2] = {{0}, {0}};
  if (tollgate_equal(what, tollgate_text_of("write"))) return changed(open(path, O_WRONLY) < 0);
  if (tollgate_equal(what, tollgate_text_of("create"))) return changed(open(path, O_RDONLY | O_CREAT, 0600) < 0);
  if (tollgate_equal(what, tollgate_text_of("truncate"))) return changed(open(path, O_RDONLY | O_TRUNC) < 0);
  if (tollgate_equal(what, tollgate_text_of("unlink"))) return changed(unlink(path));
  if (tollgate_equal(what, tollgate_text_of("mkdir"))) return changed(mkdir(path, 0700));
  if (tollgate_equal(what, tollgate_text_of("rmdir"))) return changed(rmdir(path));
  if (tollgate_equal(what, tollgate_text_of("rename"))) return changed(rename(path, "/data/other"));
  if (tollgate_equal(what, tollgate_text_of("link"))) return changed(link(path, "/data/other"));
  if (tollgate_equal(what, tollgate_text_of("symlink"))) return changed(symlink("/etc", path));
  if (tollgate_equal(what, tollgate_text_of("touch"))) return changed(utimensat(AT_FDCWD, path, times, 0));
  return tollgate_next();
}

tollgate_verdict tollgate_on_request(tollgate_request request) {
  tollgate_text what = tollgate_request_header(request, "x-do");
  const char *path = ended(tollgate_request_path(request));
  if (tollgate_equal(what, tollgate_text_of("read"))) return read_whole(path);
  if (tollgate_equal(what, tollgate_text_of("raw"))) {
    return open_as_it_is(ended(tollgate_request_header(request, "x-path")), 0, __WASI_RIGHTS_FD_READ);
  }
  if (tollgate_equal(what, tollgate_text_of("many"))) return open_many(path);
  if (tollgate_equal(what, tollgate_text_of("many-closed"))) return open_and_close(path);
  if (tollgate_equal(what, tollgate_text_of("list"))) return list(path);
  if (tollgate_equal(what, tollgate_text_of("first-line"))) return said(tollgate_text_of(first_line));
  if (tollgate_equal(what, tollgate_text_of("next-line"))) {
    static char line[64];
    return fgets(line, sizeof line, still_open) ? said(tollgate_text_of(line)) : said(tollgate_text_of("the end"));
  }
  return change(what, path);
}
